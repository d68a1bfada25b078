import { CoveyError, elementBytes, elementCount, type Tensor } from '@covey/protocol';
import { elementsOf, sharedMemory } from '../tensors/index.ts';

/** The elements of a tensor as numbers: a view where they are aligned. Errors: INFERENCE_FAILED for what steps cannot take. */
export function numbersOf({ datatype, data }: Tensor): ArrayLike<number> {
  if (datatype === 'BYTES' || datatype === 'INT64' || datatype === 'UINT64')
    throw new CoveyError('INFERENCE_FAILED', `${datatype} elements are no numbers for a step`);
  const aligned = data.byteOffset % elementBytes[datatype] === 0 ? data : new Uint8Array(data);
  if (datatype === 'FP16')
    return new Float16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
  return elementsOf(datatype, aligned) as ArrayLike<number>;
}

/** What one tensor of a step may take: many small files ask for much. */
const mostBytes = 256 * 1024 * 1024;

/** Memory that another thread can look at without a copy, where there is such. Errors: INPUT_INVALID for more than a step may give. */
export function sharedBytes(sizeBytes: number): Uint8Array {
  if (sizeBytes > mostBytes)
    throw new CoveyError('INPUT_INVALID', `this would become ${sizeBytes} bytes, at most ${mostBytes}`);
  return new Uint8Array(sharedMemory(sizeBytes));
}

/** An FP32 tensor to be filled. */
export function floatTensor(shape: number[]): { tensor: Tensor; elements: Float32Array } {
  const data = sharedBytes(elementCount(shape) * elementBytes.FP32);
  return { tensor: { datatype: 'FP32', shape, data }, elements: new Float32Array(data.buffer) };
}

export function integerTensor(shape: number[], values: ArrayLike<number>): Tensor {
  return { datatype: 'INT32', shape, data: new Uint8Array(Int32Array.from(values).buffer) };
}

/** Rows along the last axis: how many, and how long. Errors: INFERENCE_FAILED for a tensor of no dimensions. */
export function rowsOf({ shape }: Tensor): { rows: number; length: number } {
  const length = shape.at(-1);
  if (length === undefined) throw new CoveyError('INFERENCE_FAILED', 'a single number has no axis');
  return { rows: elementCount(shape.slice(0, -1)), length };
}

/** An axis from the front. Errors: INFERENCE_FAILED where there is none such. */
export function placeOf(axis: number, { shape }: Tensor): number {
  const place = axis < 0 ? axis + shape.length : axis;
  if (place < 0 || place >= shape.length)
    throw new CoveyError('INFERENCE_FAILED', `there is no axis ${axis} in [${shape}]`);
  return place;
}
