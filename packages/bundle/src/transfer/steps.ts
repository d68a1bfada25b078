import { codeBit, codeBits, Mixture, newCells } from './mixture.ts';
import type { BitCoder } from './range-coder.ts';
import type { WordType } from './spans.ts';
import { viewOf, type WordLayout, wordLayouts } from './words.ts';

/** Lengths of a step, 0 to 32 bits, are coded as a tree of 6 bits. */
const lengthBits = 6;
const tree = 1 << lengthBits;
/** Slots of the contexts of lengths: by exponent, in this span and in all; by recent steps; by those around. */
const ownExponent = 0;
const anyExponent = ownExponent + 256 * tree;
const recent = anyExponent + 256 * tree;
const around = recent + 256 * tree;
const lengthCells = around + 64 * 64 * tree;
/** A nothing of a step counts as half a bit above none. */
const unit = 16;

/**
 * Codes numbers by their steps from a base. Floats are taken as integers in the order of their values, so a step counts
 * the floats in between. Steps of one size in value are long between small floats and short between large ones: the
 * exponent of the base tells how long, together with the steps before, in this row and in the row above.
 */
export class StepModel {
  readonly #lengths = new Mixture(4, tree, lengthCells, 500);
  readonly #signs = new Mixture(3, 1, 4_096, 500);
  readonly #leading = newCells(64 * 16 * 8);
  readonly #rest = newCells(32);
  /** Of each element: log2 of its step in value, in 1/16; and whether it went up. */
  #sizes = new Int16Array(0);
  #signsSeen = new Int8Array(0);

  /** `target` is read by a writer and filled by a reader; equally long as `base`. */
  code(
    coder: BitCoder,
    target: Uint8Array,
    base: Uint8Array,
    { type, stride }: { type: WordType; stride: number },
  ): void {
    const layout = wordLayouts[type];
    const [to, from] = [viewOf(target), viewOf(base)];
    const count = target.byteLength / (layout.bits / 8);
    this.#sizes = new Int16Array(count);
    this.#signsSeen = new Int8Array(count);
    this.#lengths.forget(ownExponent, anyExponent);
    let average = 0;
    for (let i = 0; i < count; i++) {
      const before = layout.get(from, i);
      const start = ordered(layout, before);
      const step = within(layout, ordered(layout, layout.get(to, i)) - start);
      const exponent = exponentOf(layout, before);
      const scale = layout.isFloat ? exponent : 0;
      const above = i >= stride ? i - stride : -1;
      const coded = this.#codeStep(coder, step, { i, above, exponent, scale, average, before, layout });
      layout.set(to, i, reordered(layout, start + coded));
      const size = sizeOf(coded, scale);
      this.#sizes[i] = size;
      this.#signsSeen[i] = Math.sign(coded);
      average = i === 0 ? size : average + ((size - average) >> 2);
    }
  }

  #codeStep(
    coder: BitCoder,
    step: number,
    at: {
      i: number;
      above: number;
      exponent: number;
      scale: number;
      average: number;
      before: number;
      layout: WordLayout;
    },
  ): number {
    const expected = at.average - at.scale * unit;
    const over = at.above < 0 ? expected : (this.#sizes[at.above] as number) - at.scale * unit;
    const { slots } = this.#lengths;
    slots[0] = ownExponent + at.exponent * tree;
    slots[1] = anyExponent + at.exponent * tree;
    slots[2] = recent + bounded((expected >> 2) + 64, 255) * tree;
    slots[3] = around + (bounded((expected >> 3) + 16, 63) * 64 + bounded((over >> 3) + 16, 63)) * tree;
    const magnitude = Math.abs(step);
    const length = this.#lengths.codeTree(coder, 32 - Math.clz32(magnitude), lengthBits);
    if (length === 0) return 0;
    const isDown = this.#codeSign(coder, step < 0 ? 1 : 0, at);
    if (length === 1) return isDown ? -1 : 1;
    const relative = bounded(length - (expected >> 4) + 8, 15);
    const coded = this.#codeMagnitude(coder, magnitude, Math.min(length, 32), relative);
    return isDown ? -coded : coded;
  }

  #codeSign(
    coder: BitCoder,
    isDown: number,
    at: { i: number; above: number; before: number; layout: WordLayout },
  ): number {
    const seen = this.#signsSeen;
    const one = at.i > 0 ? (seen[at.i - 1] as number) + 1 : 1;
    const two = at.i > 1 ? (seen[at.i - 2] as number) + 1 : 1;
    const above = at.above < 0 ? 1 : (seen[at.above] as number) + 1;
    const isNegative = at.before >>> (at.layout.bits - 1);
    const { slots } = this.#signs;
    slots[0] = (one * 3 + two) * 3 + above;
    slots[1] = 64 + isNegative;
    slots[2] = 128 + (isNegative * 3 + one) * 3 + above;
    return this.#signs.code(coder, isDown, 0, 0);
  }

  /** The bits below the leading one: three by what stands above them, the others each for itself. */
  #codeMagnitude(coder: BitCoder, magnitude: number, length: number, relative: number): number {
    let prefix = 1;
    let k = length - 2;
    for (; k >= 0 && prefix < 8; k--) {
      const at = ((length * 16 + relative) << 3) + prefix;
      prefix = (prefix << 1) | codeBit(coder, (magnitude >>> k) & 1, this.#leading, at, 500);
    }
    if (k < 0) return prefix >>> 0;
    const rest = codeBits(coder, magnitude, k + 1, this.#rest, 0);
    return prefix * 2 ** (k + 1) + (rest >>> 0);
  }
}

/** Floats in the order of their values: negative ones turned round, below the others. */
function ordered({ bits, isFloat }: WordLayout, word: number): number {
  if (!isFloat) return word;
  const sign = 2 ** (bits - 1);
  return word >= sign ? 2 * sign - 1 - word : word + sign;
}

function reordered({ bits, isFloat }: WordLayout, value: number): number {
  const sign = 2 ** (bits - 1);
  const wrapped = ((value % (2 * sign)) + 2 * sign) % (2 * sign);
  if (!isFloat) return wrapped;
  return wrapped < sign ? 2 * sign - 1 - wrapped : wrapped - sign;
}

/** The shorter way round. */
function within({ bits }: WordLayout, step: number): number {
  const half = 2 ** (bits - 1);
  if (step >= half) return step - 2 * half;
  return step < -half ? step + 2 * half : step;
}

function exponentOf({ isFloat, mantissaBits, exponentBits }: WordLayout, word: number): number {
  if (isFloat) return (word >>> mantissaBits) & ((1 << exponentBits) - 1);
  return 32 - Math.clz32(Math.abs(word | 0));
}

/** log2 of a step in value, in 1/16, with a linear stretch between the powers of two. */
function sizeOf(step: number, scale: number): number {
  const magnitude = Math.abs(step);
  if (magnitude === 0) return scale * unit;
  const length = 32 - Math.clz32(magnitude);
  const fraction = Math.floor((magnitude / 2 ** (length - 1) - 1) * unit);
  return (length + scale) * unit + fraction;
}

function bounded(value: number, largest: number): number {
  return value < 0 ? 0 : value > largest ? largest : value;
}
