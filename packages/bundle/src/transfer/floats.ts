import { codeBit, codeBits, Mixture, newCells } from './mixture.ts';
import type { BitCoder } from './range-coder.ts';
import type { WordType } from './spans.ts';
import { viewOf, type WordLayout, wordLayouts } from './words.ts';

const tree = 256;
const own = 0;
const before = own + tree;
const over = before + 256 * tree;
const exponentCells = over + 256 * tree;

/**
 * Codes floats from nothing: the exponent by those before it and above it, the sign by signs, three bits of the
 * mantissa by the exponent, the others each for itself: of trained weights they are noise, of rounded ones zeros.
 */
export class FloatModel {
  readonly #exponents = new Mixture(3, tree, exponentCells, 500);
  readonly #signs = newCells(16);
  readonly #leading = newCells(256 * 8);
  readonly #rest = newCells(2 * 32);

  /** `target` is read by a writer and filled by a reader. */
  code(coder: BitCoder, target: Uint8Array, { type, stride }: { type: WordType; stride: number }): void {
    const layout = wordLayouts[type];
    const view = viewOf(target);
    this.#exponents.forget(own, before);
    const count = target.byteLength / (layout.bits / 8);
    for (let i = 0; i < count; i++) {
      const previous = i > 0 ? layout.get(view, i - 1) : 0;
      const above = i >= stride ? layout.get(view, i - stride) : 0;
      layout.set(view, i, this.#codeWord(coder, layout.get(view, i), { previous, above, layout }));
    }
  }

  #codeWord(
    coder: BitCoder,
    word: number,
    { previous, above, layout }: { previous: number; above: number; layout: WordLayout },
  ): number {
    const { bits, mantissaBits, exponentBits } = layout;
    const mask = (1 << exponentBits) - 1;
    const { slots } = this.#exponents;
    slots[0] = own;
    slots[1] = before + ((previous >>> mantissaBits) & mask) * tree;
    slots[2] = over + ((above >>> mantissaBits) & mask) * tree;
    const exponent = this.#exponents.codeTree(coder, (word >>> mantissaBits) & mask, exponentBits);
    const signs = (previous >>> (bits - 1)) * 2 + (above >>> (bits - 1));
    const sign = codeBit(coder, word >>> (bits - 1), this.#signs, signs * 2 + (exponent === 0 ? 1 : 0), 500);
    let leading = 1;
    for (let k = mantissaBits - 1; leading < 8; k--)
      leading = (leading << 1) | codeBit(coder, (word >>> k) & 1, this.#leading, exponent * 8 + leading, 500);
    const rest = codeBits(coder, word, mantissaBits - 3, this.#rest, exponent === 0 ? 32 : 0);
    const mantissa = ((leading & 7) << (mantissaBits - 3)) | rest;
    return sign * 2 ** (bits - 1) + exponent * 2 ** mantissaBits + mantissa;
  }
}
