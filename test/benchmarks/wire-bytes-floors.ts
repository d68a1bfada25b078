import { type TensorRange, tensorRanges } from '@covey/onnx';

/** A bound below which no coder gets on average, in bytes, of the weights alone. */
export interface Floor {
  name: string;
  value: number;
}

/** Tensors of a type that are in both files, by name. */
function pairsOf(base: Uint8Array, target: Uint8Array, type: TensorRange['type']) {
  const before = new Map(tensorRanges(base).map((tensor) => [tensor.name, tensor]));
  return tensorRanges(target).flatMap((tensor) => {
    const old = before.get(tensor.name);
    const isPair = tensor.type === type && old?.sizeBytes === tensor.sizeBytes;
    return isPair ? [{ tensor, old }] : [];
  });
}

/**
 * Where nobody knows the distribution of the steps: the entropy, counted over all tensors, of the new level where the old
 * one is known, and of how long a float's step is where the old exponent is known, with the bits of the step as they are.
 * What is known of rows and neighbours may do better.
 */
export function countedFloor(base: Uint8Array, target: Uint8Array): Floor {
  return { name: 'counted entropy', value: (levelBits(base, target) + floatBits(base, target)) / 8 };
}

function levelBits(base: Uint8Array, target: Uint8Array): number {
  const counts = new Map<number, number>();
  const totals = new Map<number, number>();
  for (const { tensor, old } of pairsOf(base, target, 'int8'))
    for (let i = 0; i < tensor.sizeBytes; i++) {
      const level = base[old.offset + i] ?? 0;
      const pair = level * 256 + (target[tensor.offset + i] ?? 0);
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
      totals.set(level, (totals.get(level) ?? 0) + 1);
    }
  let bits = 0;
  for (const [pair, count] of counts) bits -= count * Math.log2(count / (totals.get(pair >> 8) ?? 1));
  return bits;
}

function floatBits(base: Uint8Array, target: Uint8Array): number {
  const counts = new Map<number, number>();
  const totals = new Map<number, number>();
  const [from, to] = [base, target].map((bytes) => new DataView(bytes.buffer, bytes.byteOffset));
  let bits = 0;
  for (const { tensor, old } of pairsOf(base, target, 'float32'))
    for (let i = 0; i < tensor.sizeBytes; i += 4) {
      const [before, after] = [
        from?.getInt32(old.offset + i, true) ?? 0,
        to?.getInt32(tensor.offset + i, true) ?? 0,
      ];
      const length = 32 - Math.clz32(Math.abs(ordered(after) - ordered(before)));
      const exponent = (before >>> 23) & 255;
      counts.set(exponent * 64 + length, (counts.get(exponent * 64 + length) ?? 0) + 1);
      totals.set(exponent, (totals.get(exponent) ?? 0) + 1);
      // The sign, and what is below the leading one.
      bits += length;
    }
  for (const [key, count] of counts) bits -= count * Math.log2(count / (totals.get(key >> 6) ?? 1));
  return bits;
}

/** Floats in the order of their values, as integers. */
function ordered(word: number): number {
  return word < 0 ? -(word & 0x7fffffff) : word;
}

/** Floats from nothing: the entropy of signs and exponents in each tensor, and mantissas as they are. */
export function freshFloor(target: Uint8Array): Floor {
  let bits = 0;
  const view = new DataView(target.buffer, target.byteOffset);
  for (const { type, offset, sizeBytes } of tensorRanges(target)) {
    if (type !== 'float32') continue;
    const counts = new Map<number, number>();
    for (let i = 0; i < sizeBytes; i += 4) {
      const upper = view.getUint32(offset + i, true) >>> 23;
      counts.set(upper, (counts.get(upper) ?? 0) + 1);
    }
    const count = sizeBytes / 4;
    for (const seen of counts.values()) bits -= seen * Math.log2(seen / count);
    bits += count * 23;
  }
  return { name: 'H(sign, exponent) + mantissas', value: bits / 8 };
}

/**
 * Bits that a normal step of deviation `sigma` takes, rounded to the floats about `value`: its differential entropy, less
 * that of one float's width (T. Cover and J. Thomas, "Elements of information theory", theorem 8.3.1).
 */
export function stepBits(sigma: number, value: number): number {
  const width = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 23);
  return Math.max(0, Math.log2(sigma * Math.sqrt(2 * Math.PI * Math.E)) - Math.log2(width));
}
