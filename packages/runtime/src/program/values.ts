import { CoveyError, type Datatype, elementBytes, elementCount, type Tensor } from '@covey/protocol';
import { decodeTexts, elementsOf, encodeElements, encodeTexts } from '../tensors/index.ts';

/** What holds the elements of a tensor in JavaScript; the type of array says the datatype. */
export type Elements =
  | Float32Array
  | Float64Array
  | Float16Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | readonly boolean[]
  | readonly string[];

const datatypeByArray: Readonly<Record<string, Datatype>> = {
  Float32Array: 'FP32',
  Float64Array: 'FP64',
  Float16Array: 'FP16',
  Int8Array: 'INT8',
  Int16Array: 'INT16',
  Int32Array: 'INT32',
  BigInt64Array: 'INT64',
  Uint8Array: 'UINT8',
  Uint16Array: 'UINT16',
  Uint32Array: 'UINT32',
  BigUint64Array: 'UINT64',
};

/**
 * A tensor of `elements`, row-major, of the given shape: one dimension with all of them unless said. Typed arrays are viewed,
 * not copied; over a SharedArrayBuffer they reach the model's thread without a copy too. A list of Uint8Array is of files, or
 * whatever bytes BYTES elements are.
 * Errors: INPUT_INVALID when the elements do not fill the shape, or are of no type that a tensor has.
 */
export function tensor(
  elements: Elements | readonly Uint8Array[],
  shape: readonly number[] = [elements.length],
): Tensor {
  if (elements.length !== elementCount(shape)) {
    const message = `${elements.length} elements do not fill the shape [${shape}]`;
    throw new CoveyError('INPUT_INVALID', message);
  }
  if (!ArrayBuffer.isView(elements)) return fromList(elements, [...shape]);
  const datatype = datatypeByArray[elements.constructor.name];
  if (datatype === undefined) {
    throw new CoveyError(
      'INPUT_INVALID',
      `${elements.constructor.name} is no array that a tensor is made of`,
    );
  }
  const { buffer, byteOffset, byteLength } = elements;
  return { datatype, shape: [...shape], data: new Uint8Array(buffer, byteOffset, byteLength) };
}

function fromList(
  elements: readonly boolean[] | readonly string[] | readonly Uint8Array[],
  shape: number[],
): Tensor {
  if (elements.every((element) => typeof element === 'boolean')) {
    return { datatype: 'BOOL', shape, data: Uint8Array.from(elements, Number) };
  }
  if (elements.every((element) => typeof element === 'string')) {
    return { datatype: 'BYTES', shape, data: encodeTexts(elements) };
  }
  if (elements.every((element) => element instanceof Uint8Array)) {
    return { datatype: 'BYTES', shape, data: encodeElements(elements) };
  }
  throw new CoveyError(
    'INPUT_INVALID',
    'a list of elements holds booleans or texts, or bytes; numbers come in typed arrays',
  );
}

/** The elements of a tensor, in the array that its datatype has in JavaScript: a view where the bytes are aligned. */
export function elements({ datatype, shape, data }: Tensor): Elements {
  if (datatype === 'BYTES') return decodeTexts(data, elementCount(shape));
  if (datatype === 'BOOL') return Array.from(data, Boolean);
  const aligned = data.byteOffset % elementBytes[datatype] === 0 ? data : new Uint8Array(data);
  if (datatype === 'FP16') {
    return new Float16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
  }
  return elementsOf(datatype, aligned);
}
