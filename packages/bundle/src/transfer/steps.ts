import { codeBit, codeBits, Mixture, newCells } from './mixture.ts';
import type { BitCoder } from './range-coder.ts';
import type { WordShape } from './spans.ts';
import { orderedWord, setOrderedWord, viewOf, type WordLayout, wordLayouts } from './words.ts';

/** Lengths of a step in bits, from 31 on as 31 and one bit more, are a tree of 5 bits. */
const lengthBits = 5;
const longest = 31;
const tree = 1 << lengthBits;
/** Slots of the contexts of lengths: by exponent, in this span and in all; by recent steps; by those around. */
const ownExponent = 0;
const anyExponent = ownExponent + 256 * tree;
const recent = anyExponent + 256 * tree;
const around = recent + 256 * tree;
const lengthCells = around + 64 * 64 * tree;
/** Sizes are log2 in units of 1/16. */
const unit = 16;

/**
 * Codes numbers by their steps from a base. Floats are taken as integers in the order of their values, so a step counts
 * the floats in between. Steps of one size in value are long between small floats and short between large ones: the
 * exponent of the base tells how long, together with the steps before, in this row and in the row above.
 */
export class StepModel {
  readonly #lengths = new Mixture(4, tree, lengthCells, 500);
  readonly #signs = new Mixture(3, 1, 256, 500);
  readonly #leading = newCells(33 * 16 * 8);
  readonly #rest = newCells(32);

  /** `target` is read by a writer and filled by a reader; equally long as `base`. */
  code(coder: BitCoder, target: Uint8Array, base: Uint8Array, { type, stride, noiseBits }: WordShape): void {
    const layout = wordLayouts[type];
    const to = viewOf(target);
    const from = viewOf(base);
    const { shift } = layout;
    const count = target.byteLength / layout.bytes;
    /** Of each element: how large its step was in value, and whether it went up (2), down (0) or nowhere (1). */
    const sizes = new Int16Array(count);
    const ways = new Uint8Array(count).fill(1);
    this.#lengths.forget(ownExponent, anyExponent);
    let average = 0;
    for (let i = 0; i < count; i++) {
      const start = orderedWord(from, i, layout);
      const given = ((orderedWord(to, i, layout) - start) | 0) >> shift;
      const exponent = exponentOf(start, layout);
      const scale = layout.isFloat ? exponent * unit : 0;
      const expected = average - scale;
      const above = i >= stride ? i - stride : i - 1;
      const over = above < 0 ? expected : (sizes[above] as number) - scale;
      const size = given < 0 ? -given >>> 0 : given;
      const length = this.#codeLength(coder, 32 - Math.clz32(size), exponent, expected, over);
      let step = 0;
      if (length > 0) {
        const one = i > 0 ? (ways[i - 1] as number) : 1;
        const two = i > 1 ? (ways[i - 2] as number) : 1;
        const upper = above < 0 ? 1 : (ways[above] as number);
        const isDown = this.#codeSign(coder, given < 0 ? 1 : 0, one, two, upper, start >>> 31);
        const relative = bounded(length - (expected >> 4) + 8, 15);
        step = this.#codeSize(coder, size, length, relative, noiseBits);
        sizes[i] = sizeOf(step, length) + scale;
        ways[i] = isDown ? 0 : 2;
        if (isDown) step = -step;
      } else sizes[i] = scale;
      setOrderedWord(to, i, layout, (start + (step << shift)) | 0);
      average = i === 0 ? (sizes[i] as number) : average + (((sizes[i] as number) - average) >> 2);
    }
  }

  #codeLength(coder: BitCoder, length: number, exponent: number, expected: number, over: number): number {
    const slots = this.#lengths.slots;
    slots[0] = ownExponent + exponent * tree;
    slots[1] = anyExponent + exponent * tree;
    slots[2] = recent + bounded((expected >> 2) + 64, 255) * tree;
    slots[3] = around + (bounded((expected >> 3) + 16, 63) * 64 + bounded((over >> 3) + 16, 63)) * tree;
    const coded = this.#lengths.codeTree(coder, Math.min(length, longest), lengthBits);
    return coded < longest ? coded : longest + coder.raw(length - longest, 1);
  }

  #codeSign(
    coder: BitCoder,
    isDown: number,
    one: number,
    two: number,
    above: number,
    isNegative: number,
  ): number {
    const slots = this.#signs.slots;
    slots[0] = (one * 3 + two) * 3 + above;
    slots[1] = 64 + isNegative;
    slots[2] = 128 + (isNegative * 3 + one) * 3 + above;
    return this.#signs.code(coder, isDown, 0, 0);
  }

  /** The bits below the leading one: three by what stands above them, then each for itself, then the noise. */
  #codeSize(coder: BitCoder, size: number, length: number, relative: number, noiseBits: number): number {
    let prefix = 1;
    let k = length - 2;
    const leading = (length * 16 + relative) << 3;
    for (; k >= 0 && prefix < 8; k--)
      prefix = (prefix << 1) | codeBit(coder, (size >>> k) & 1, this.#leading, leading + prefix, 500);
    if (k < 0) return prefix;
    const noise = Math.min(k + 1, noiseBits);
    const rest = codeBits(coder, size >>> noise, k + 1 - noise, this.#rest, noise);
    const low = noise > 0 ? coder.raw(size & ((1 << noise) - 1), noise) : 0;
    return ((((prefix << (k + 1 - noise)) | rest) << noise) | low) >>> 0;
  }
}

function exponentOf(ordered: number, { isFloat, mantissaBits, shift, turn }: WordLayout): number {
  if (!isFloat) return 32 - Math.clz32(ordered < 0 ? -ordered : ordered);
  return ((ordered ^ ((ordered >> 31) & turn)) & 0x7fffffff) >>> (mantissaBits + shift);
}

/** log2 of a step's size, with straight lines between the powers of two. */
function sizeOf(size: number, length: number): number {
  return length * unit + ((length > 5 ? size >>> (length - 5) : size << (5 - length)) & 15);
}

function bounded(value: number, largest: number): number {
  return Math.max(0, Math.min(value, largest));
}

/** How many of the lower bits of the steps from `base` to `target` are noise. */
export function noiseOfSteps(target: Uint8Array, base: Uint8Array, layout: WordLayout, most: number): number {
  const [to, from] = [viewOf(target), viewOf(base)];
  const steps = Int32Array.from({ length: target.byteLength / layout.bytes }, (_, i) => {
    const step = ((orderedWord(to, i, layout) - orderedWord(from, i, layout)) | 0) >> layout.shift;
    return Math.abs(step);
  });
  return noiseBitsOf(steps, most, 4);
}

/** Bits from the lowest on that are as often one as zero, in numbers at least `headroom` bits longer. */
export function noiseBitsOf(values: Int32Array, most: number, headroom: number): number {
  for (let bit = 0; bit < most; bit++) {
    let [count, ones] = [0, 0];
    for (const value of values) {
      if (32 - Math.clz32(value) <= bit + headroom) continue;
      count++;
      ones += (value >>> bit) & 1;
    }
    if (count < 32 || Math.abs(ones - count / 2) > 2 * Math.sqrt(count)) return bit;
  }
  return most;
}
