import { CoveyError, elementCount, type Tensor } from '@covey/protocol';
import { decodeTexts, elementsOf } from '../tensors/index.ts';

/** The elements of a tensor as they are: numbers, big integers or texts. */
export function valuesOf({ datatype, shape, data }: Tensor): ArrayLike<number | bigint | string> {
  if (datatype === 'BYTES') return decodeTexts(data, elementCount(shape));
  if (datatype === 'FP16') return new Float16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  return elementsOf(datatype, data);
}

/** The elements of a tensor as numbers, 64-bit integers rounded beyond 2^53. Errors: GOLDEN_MISMATCH for texts. */
export function numbersOf(name: string, tensor: Tensor): ArrayLike<number> {
  if (tensor.datatype === 'BYTES') throw mismatch(name, 'texts are no numbers');
  const values = valuesOf(tensor);
  return values instanceof BigInt64Array || values instanceof BigUint64Array
    ? Float64Array.from(values, Number)
    : (values as ArrayLike<number>);
}

/** The largest |a-b|; 0 for texts, and elements that are no numbers on either side do not count. */
export function largestError(actual: Tensor, expected: Tensor): number {
  if (expected.datatype === 'BYTES') return 0;
  const [a, b] = [valuesOf(actual), valuesOf(expected)];
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    const error = Math.abs(Number(a[i]) - Number(b[i]));
    if (error > largest && error < Number.POSITIVE_INFINITY) largest = error;
  }
  return largest;
}

export function mismatch(name: string, what: string): CoveyError {
  return new CoveyError('GOLDEN_MISMATCH', `output ${name}: ${what}`);
}
