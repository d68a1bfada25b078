import { CoveyError, type Tensor } from '@covey/protocol';
import { elementsOf, elementTypeOf } from '../model/index.ts';

/** Unlike UTF-8 it keeps all bytes apart. */
const decoder = new TextDecoder('latin1');

/** What makes a decision: a row of numbers by its greatest, or each element by itself. */
export type Decided = 'row' | 'element';

export interface TensorElements {
  numbers: ArrayLike<number>;
  decided: Decided;
}

/**
 * The elements of a candidate's and a reference's tensor as numbers. Strings become 1 in the reference, and 1 or 0 in
 * the candidate: equal or not. Errors: MODEL_INVALID where bytes do not fill the shape.
 */
export function readElements(
  name: string,
  candidate: Tensor,
  reference: Tensor,
): [TensorElements, TensorElements] {
  if (candidate.datatype !== 'BYTES' && reference.datatype !== 'BYTES')
    return [numbersOfTensor(name, candidate), numbersOfTensor(name, reference)];
  const a = candidate.datatype === 'BYTES' ? stringsOf(name, candidate) : [];
  const b = reference.datatype === 'BYTES' ? stringsOf(name, reference) : [];
  return [
    { numbers: b.map((text, index) => Number(a[index] === text)), decided: 'element' },
    { numbers: b.map(() => 1), decided: 'element' },
  ];
}

function numbersOfTensor(name: string, { datatype, shape, data }: Tensor): TensorElements {
  const elements = elementsOf({
    name,
    elementType: elementTypeOf(datatype),
    dims: shape,
    data: { kind: 'raw', bytes: data },
    docString: '',
    metadata: new Map(),
  });
  const numbers =
    elements instanceof BigInt64Array || elements instanceof BigUint64Array
      ? Float64Array.from(elements, Number)
      : elements;
  return { numbers, decided: datatype.startsWith('FP') ? 'row' : 'element' };
}

/** BYTES hold elements with their length (u32) before them. */
function stringsOf(name: string, { data }: Tensor): string[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const strings: string[] = [];
  for (let offset = 0; offset < data.byteLength; ) {
    const end = offset + 4 <= data.byteLength ? offset + 4 + view.getUint32(offset, true) : Number.NaN;
    if (!(end <= data.byteLength))
      throw new CoveyError('MODEL_INVALID', `output "${name}" holds strings that end beyond its bytes`);
    strings.push(decoder.decode(data.subarray(offset + 4, end)));
    offset = end;
  }
  return strings;
}

/** Position of the greatest number of a row, the first of equals; -1 where none is a number. */
export function topOf(numbers: ArrayLike<number>, start: number, length: number): number {
  let top = -1;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let offset = 0; offset < length; offset++) {
    const value = numbers[start + offset] ?? Number.NaN;
    if (value > greatest || (top < 0 && value === greatest)) {
      top = offset;
      greatest = value;
    }
  }
  return top;
}
