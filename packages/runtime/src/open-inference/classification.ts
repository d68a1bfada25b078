import { type Classification, CoveyError, elementCount, type Tensor } from '@covey/protocol';
import { elementsOf, encodeTexts } from '../tensors/index.ts';

/**
 * Classification extension: the `count` greatest elements of an output, greatest first and the first of equals before the
 * others, as BYTES `value:index` or `value:index:class name`. One list per row when `isBatched`, otherwise one of all.
 * Errors: UNSUPPORTED for outputs that are not numbers.
 */
export function classified(
  name: string,
  tensor: Tensor,
  count: number,
  isBatched: boolean,
  classification: Classification | undefined,
): Tensor {
  const { datatype, shape, data } = tensor;
  if (datatype === 'BYTES' || datatype === 'FP16' || datatype === 'BOOL') {
    throw new CoveyError('UNSUPPORTED', `output ${name}: ${datatype} cannot be classified`);
  }
  const elements = elementsOf(datatype, data);
  const rows = isBatched ? (shape[0] ?? 1) : 1;
  const width = elementCount(isBatched ? shape.slice(1) : shape);
  const classNames = classification?.output === name ? classification.classNames : [];
  const texts: string[] = [];
  for (let row = 0; row < rows; row++) {
    const scores = elements.subarray(row * width, (row + 1) * width);
    for (const index of greatest(scores, count)) {
      const score = scores[index] ?? 0;
      const value = datatype === 'FP32' || datatype === 'FP64' ? Number(score).toFixed(6) : String(score);
      const className = classNames[index];
      texts.push(className === undefined ? `${value}:${index}` : `${value}:${index}:${className}`);
    }
  }
  const listed = Math.min(count, width);
  return { datatype: 'BYTES', shape: isBatched ? [rows, listed] : [listed], data: encodeTexts(texts) };
}

/** Places of the greatest; what is no number is least. */
function greatest(scores: ArrayLike<number | bigint>, count: number): number[] {
  const places = Array.from({ length: scores.length }, (_, index) => index);
  const score = (index: number) => {
    const value = scores[index] ?? 0;
    return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
  };
  places.sort((a, b) => (score(a) < score(b) ? 1 : score(a) > score(b) ? -1 : a - b));
  return places.slice(0, count);
}
