import { CoveyError, elementCount, type Stage, type Tensor } from '@covey/protocol';
import { floatTensor, numbersOf, placeOf, rowsOf } from './numbers.ts';

type StageOf<K extends Stage['kind']> = Extract<Stage, { kind: K }>;

/** exp(x) / sum(exp(x)) over the last axis, FP32; the greatest is taken off first, so that nothing overflows. */
export function softmax(input: Tensor): Tensor {
  const values = numbersOf(input);
  const { rows, length } = rowsOf(input);
  const { tensor, elements } = floatTensor(input.shape);
  for (let row = 0, start = 0; row < rows; row++, start += length) {
    let greatest = Number.NEGATIVE_INFINITY;
    for (let i = start; i < start + length; i++) greatest = Math.max(greatest, values[i] ?? 0);
    let sum = 0;
    for (let i = start; i < start + length; i++) sum += elements[i] = Math.exp((values[i] ?? 0) - greatest);
    for (let i = start; i < start + length; i++) elements[i] = (elements[i] ?? 0) / sum;
  }
  return tensor;
}

/** 1 / (1 + exp(-x)), FP32. */
export function sigmoid(input: Tensor): Tensor {
  const values = numbersOf(input);
  const { tensor, elements } = floatTensor(input.shape);
  for (let i = 0; i < values.length; i++) elements[i] = 1 / (1 + Math.exp(-(values[i] ?? 0)));
  return tensor;
}

/** (x - mean) / scale along an axis, FP32. Errors: INFERENCE_FAILED when there are not as many numbers as places. */
export function normalize({ axis, mean, scale }: StageOf<'normalize'>, input: Tensor): Tensor {
  const values = numbersOf(input);
  const place = placeOf(axis, input);
  const size = input.shape[place] ?? 0;
  for (const { length } of [mean, scale]) {
    if (length !== 1 && length !== size)
      throw new CoveyError('INFERENCE_FAILED', `${length} numbers along a dimension of ${size}`);
  }
  const inner = elementCount(input.shape.slice(place + 1));
  const { tensor, elements } = floatTensor(input.shape);
  for (let i = 0; i < values.length; i++) {
    const channel = Math.floor(i / inner) % size;
    elements[i] = ((values[i] ?? 0) - (mean[channel] ?? mean[0] ?? 0)) / (scale[channel] ?? scale[0] ?? 1);
  }
  return tensor;
}
