import { CoveyError, elementBytes, elementCount, type Stage, type Tensor } from '@covey/protocol';
import { floatTensor, integerTensor, numbersOf, placeOf, rowsOf, sharedBytes } from './numbers.ts';

type StageOf<K extends Stage['kind']> = Extract<Stage, { kind: K }>;

/** One index of an axis, which goes. Errors: INFERENCE_FAILED where there is none such. */
export function select({ axis, index }: StageOf<'select'>, input: Tensor): Tensor {
  const { datatype, shape, data } = input;
  if (datatype === 'BYTES') throw new CoveyError('INFERENCE_FAILED', 'cannot select from BYTES');
  const place = placeOf(axis, input);
  const size = shape[place] ?? 0;
  if (index >= size)
    throw new CoveyError('INFERENCE_FAILED', `there is no index ${index} in a dimension of ${size}`);
  const outer = elementCount(shape.slice(0, place));
  const innerBytes = elementCount(shape.slice(place + 1)) * elementBytes[datatype];
  const selected = sharedBytes(outer * innerBytes);
  for (let i = 0; i < outer; i++) {
    const from = (i * size + index) * innerBytes;
    selected.set(data.subarray(from, from + innerBytes), i * innerBytes);
  }
  return { datatype, shape: shape.toSpliced(place, 1), data: selected };
}

/** The place of the greatest along the last axis, which goes; INT64, the first of equals. */
export function argmax(input: Tensor): Tensor {
  const values = numbersOf(input);
  const { rows, length } = rowsOf(input);
  if (length === 0) throw new CoveyError('INFERENCE_FAILED', 'there is no greatest of nothing');
  const places = new BigInt64Array(rows);
  for (let row = 0; row < rows; row++) {
    let greatest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < length; i++) {
      const value = values[row * length + i] ?? 0;
      // NaN is greater than nothing.
      if (value > greatest) {
        greatest = value;
        places[row] = BigInt(i);
      }
    }
  }
  return { datatype: 'INT64', shape: input.shape.slice(0, -1), data: new Uint8Array(places.buffer) };
}

/** The k greatest along the last axis, greatest first, equals by place, NaN last. Errors: INFERENCE_FAILED for too few. */
export function topK({ k }: StageOf<'top-k'>, input: Tensor): [values: Tensor, indices: Tensor] {
  const from = numbersOf(input);
  const { rows, length } = rowsOf(input);
  if (length < k) throw new CoveyError('INFERENCE_FAILED', `there are no ${k} greatest of ${length}`);
  const shape = [...input.shape.slice(0, -1), k];
  const { tensor, elements } = floatTensor(shape);
  const indices = new Int32Array(rows * k);
  for (let row = 0; row < rows; row++) {
    const start = row * length;
    const order = Int32Array.from({ length }, (_, i) => i).sort((a, b) =>
      compare(from[start + a] ?? 0, from[start + b] ?? 0),
    );
    for (let i = 0; i < k; i++) {
      const place = order[i] ?? 0;
      indices[row * k + i] = place;
      elements[row * k + i] = from[start + place] ?? Number.NaN;
    }
  }
  return [tensor, integerTensor(shape, indices)];
}

/** Greater first, NaN last; 0 leaves equals in their order. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a === b ? 0 : b > a ? 1 : -1;
}
