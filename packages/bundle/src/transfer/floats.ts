import { codeBit, codeBits, Mixture, newCells } from './mixture.ts';
import type { BitCoder } from './range-coder.ts';
import type { FloatShape } from './spans.ts';
import { noiseBitsOf } from './steps.ts';
import { viewOf, type WordLayout, wordLayouts } from './words.ts';

/** How far an exponent lies below the one that floats of this span rarely exceed, 31 and more as 31 and all 8 bits. */
const distanceBits = 5;
const farthest = 31;
const tree = 1 << distanceBits;
const own = 0;
const before = own + tree;
const over = before + 256 * tree;
const cells = over + 256 * tree;

/**
 * Codes floats from nothing: the exponent by those before it and above it, the sign by signs, three bits of the
 * mantissa by the exponent, the others each for itself, or as they are: of trained weights they are noise.
 */
export class FloatModel {
  readonly #distances = new Mixture(3, tree, cells, 500);
  readonly #signs = newCells(16);
  readonly #leading = newCells(256 * 8);
  readonly #rest = newCells(2 * 32);

  /** `target` is read by a writer and filled by a reader. */
  code(coder: BitCoder, target: Uint8Array, { type, stride, noiseBits, top }: FloatShape): void {
    const layout = wordLayouts[type];
    const view = viewOf(target);
    const count = target.byteLength / layout.bytes;
    this.#distances.forget(own, before);
    for (let i = 0; i < count; i++) {
      const previous = i > 0 ? wordAt(view, i - 1, layout) : 0;
      const above = i >= stride ? wordAt(view, i - stride, layout) : 0;
      const word = this.#codeWord(coder, wordAt(view, i, layout), previous, above, layout, noiseBits, top);
      if (layout.bytes === 4) view.setUint32(i * 4, word, true);
      else view.setUint16(i * 2, word, true);
    }
  }

  #codeWord(
    coder: BitCoder,
    word: number,
    previous: number,
    above: number,
    { bytes, mantissaBits, exponentBits }: WordLayout,
    noiseBits: number,
    top: number,
  ): number {
    const mask = (1 << exponentBits) - 1;
    const exponent = this.#codeExponent(
      coder,
      (word >>> mantissaBits) & mask,
      (previous >>> mantissaBits) & mask,
      (above >>> mantissaBits) & mask,
      top,
    );
    const signs = ((previous >>> (bytes * 8 - 1)) * 2 + (above >>> (bytes * 8 - 1))) * 2;
    const isZero = exponent === 0 ? 1 : 0;
    const sign = codeBit(coder, word >>> (bytes * 8 - 1), this.#signs, signs + isZero, 500);
    let leading = 1;
    for (let k = mantissaBits - 1; leading < 8; k--)
      leading = (leading << 1) | codeBit(coder, (word >>> k) & 1, this.#leading, exponent * 8 + leading, 500);
    // Zeros are no noise.
    const noise = isZero ? 0 : noiseBits;
    const rest = codeBits(coder, word >>> noise, mantissaBits - 3 - noise, this.#rest, isZero * 32 + noise);
    const low = noise > 0 ? coder.raw(word & ((1 << noise) - 1), noise) : 0;
    const mantissa = ((leading & 7) << (mantissaBits - 3)) | (rest << noise) | low;
    return ((sign << (bytes * 8 - 1)) | ((exponent & mask) << mantissaBits) | mantissa) >>> 0;
  }

  #codeExponent(coder: BitCoder, exponent: number, previous: number, above: number, top: number): number {
    const slots = this.#distances.slots;
    slots[0] = own;
    slots[1] = before + previous * tree;
    slots[2] = over + above * tree;
    const given = exponent > top || top - exponent > farthest ? farthest : top - exponent;
    const distance = this.#distances.codeTree(coder, given, distanceBits);
    return distance < farthest && distance <= top ? top - distance : coder.raw(exponent, 8);
  }
}

function wordAt(view: DataView, index: number, { bytes }: WordLayout): number {
  return bytes === 4 ? view.getUint32(index * 4, true) : view.getUint16(index * 2, true);
}

/** Which lower bits of floats are noise, and the exponent that one in a thousand exceeds. */
export function floatShapeOf(
  target: Uint8Array,
  layout: WordLayout,
  most: number,
): { noiseBits: number; top: number } {
  const view = viewOf(target);
  const words = Int32Array.from({ length: target.byteLength / layout.bytes }, (_, i) =>
    wordAt(view, i, layout),
  );
  const mask = (1 << layout.exponentBits) - 1;
  const exponents = words.map((word) => (word >>> layout.mantissaBits) & mask).sort();
  const top = exponents[Math.ceil((exponents.length - 1) * 0.999)] ?? 0;
  const mantissas = words.filter((word) => ((word >>> layout.mantissaBits) & mask) !== 0);
  const marked = mantissas.map((word) => (word & ((1 << layout.mantissaBits) - 1)) | 0x40000000);
  return { noiseBits: noiseBitsOf(marked, most, 0), top };
}
