import { CoveyError } from '@covey/protocol';
import { type Constant, countElements } from '../model/index.ts';
import { type Affine, affineOf, type IntegerType, quantize } from './affine.ts';
import { finiteElements } from './weights.ts';

/** A weight in blocks of elements in a row along one axis, each with a scale of its own. */
export interface Blocks {
  /** In the order of the weight. */
  codes: Uint8Array;
  /** In the order of the weight with its axis shortened to the number of blocks. */
  affines: Affine[];
  dims: number[];
}

/** Sizes of blocks that ONNX Runtime computes with. Errors: INVALID_ARGUMENT for others. */
export function checkBlockSize(blockSize: number): void {
  if (![16, 32, 64, 128, 256].includes(blockSize))
    throw new CoveyError('INVALID_ARGUMENT', `blocks of ${blockSize}: 16, 32, 64, 128 and 256 are possible`);
}

/** Errors: MODEL_INVALID naming a weight that is not finite. */
export function quantizeBlocks(
  weight: Constant,
  axis: number,
  blockSize: number,
  type: IntegerType,
  symmetric: boolean,
): Blocks {
  const values = finiteElements(weight);
  const length = weight.dims[axis] ?? 1;
  const inner = countElements(weight.dims.slice(axis + 1), weight.name);
  const count = Math.ceil(length / blockSize);
  const codes = new Uint8Array(values.length);
  const affines: Affine[] = [];
  for (let start = 0; start < values.length; start += length * inner)
    for (let block = 0; block < count; block++)
      for (let column = 0; column < inner; column++) {
        const from = start + block * blockSize * inner + column;
        const to = start + Math.min((block + 1) * blockSize, length) * inner;
        affines.push(quantizeBlock(values, codes, { from, to, step: inner }, type, symmetric));
      }
  return { codes, affines, dims: weight.dims.with(axis, count) };
}

function quantizeBlock(
  values: Float32Array,
  codes: Uint8Array,
  { from, to, step }: { from: number; to: number; step: number },
  type: IntegerType,
  symmetric: boolean,
): Affine {
  const range = { min: 0, max: 0 };
  for (let i = from; i < to; i += step) {
    range.min = Math.min(range.min, values[i] ?? 0);
    range.max = Math.max(range.max, values[i] ?? 0);
  }
  const affine = affineOf(range, type, symmetric);
  for (let i = from; i < to; i += step) codes[i] = quantize(values[i] ?? 0, affine, type);
  return affine;
}

/** Codes of 4 bits, two to a byte, the first in the low half (TensorProto of ONNX; ContribOperators.md). */
export function packNibbles(codes: Uint8Array): Uint8Array {
  const packed = new Uint8Array(Math.ceil(codes.length / 2));
  for (let i = 0; i < codes.length; i++)
    packed[i >> 1] = (packed[i >> 1] ?? 0) | (((codes[i] ?? 0) & 15) << (i % 2 === 0 ? 0 : 4));
  return packed;
}
