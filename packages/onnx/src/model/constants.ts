import { CoveyError } from '@covey/protocol';
import { elementsSizeBytes, elementTypeName, elementTypes } from './element-type.ts';
import type { Constant } from './types.ts';

/** Numbers of a constant, aligned: the type of the array follows the element type. 4-bit elements are not unpacked. */
export type Elements =
  | Float32Array
  | Float64Array
  | Float16Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array;

type ElementsConstructor = new (buffer: ArrayBufferLike, offsetBytes: number, length: number) => Elements;

const constructors = new Map<number, ElementsConstructor & { BYTES_PER_ELEMENT: number }>([
  [elementTypes.FLOAT, Float32Array],
  [elementTypes.DOUBLE, Float64Array],
  [elementTypes.FLOAT16, Float16Array],
  [elementTypes.UINT8, Uint8Array],
  [elementTypes.BOOL, Uint8Array],
  [elementTypes.INT8, Int8Array],
  [elementTypes.UINT16, Uint16Array],
  [elementTypes.INT16, Int16Array],
  [elementTypes.UINT32, Uint32Array],
  [elementTypes.INT32, Int32Array],
  [elementTypes.INT64, BigInt64Array],
  [elementTypes.UINT64, BigUint64Array],
]);

/** How many elements `dims` hold. Errors: MODEL_INVALID where the product is negative or beyond 2^53. */
export function countElements(dims: readonly number[], name: string): number {
  let count = 1;
  for (const dim of dims) {
    count *= dim;
    if (dim < 0 || !Number.isSafeInteger(count))
      throw new CoveyError('MODEL_INVALID', `tensor "${name}" has the absurd dimensions [${dims}]`);
  }
  return count;
}

/**
 * The elements of a constant: a view where the bytes are aligned, else a copy. Errors: MODEL_UNSUPPORTED (strings, 4-bit,
 * 8-bit floats and other types without an array), MODEL_INVALID (bytes do not fill the dimensions, data not loaded).
 */
export function elementsOf(constant: Constant): Elements {
  const { name, elementType, dims } = constant;
  const bytes = rawBytes(constant);
  const Constructor = constructors.get(elementType);
  if (Constructor === undefined)
    throw new CoveyError(
      'MODEL_UNSUPPORTED',
      `tensor "${name}" is ${elementTypeName(elementType)}, which has no numbers to read here`,
    );
  const count = countElements(dims, name);
  // Not bytes.slice(): that of a Buffer is another view.
  const aligned = bytes.byteOffset % Constructor.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return new Constructor(aligned.buffer, aligned.byteOffset, count);
}

/** The bytes of a constant of numbers. Errors: MODEL_INVALID (not loaded, not as many as the dimensions say), MODEL_UNSUPPORTED (strings). */
export function rawBytes({ name, elementType, dims, data }: Constant): Uint8Array {
  if (data.kind === 'strings')
    throw new CoveyError('MODEL_UNSUPPORTED', `tensor "${name}" holds strings, not numbers`);
  if (data.kind === 'external')
    throw new CoveyError('MODEL_INVALID', `tensor "${name}" lies in the file "${data.location}", not loaded`);
  const sizeBytes = elementsSizeBytes(elementType, countElements(dims, name));
  if (sizeBytes !== undefined && data.bytes.byteLength !== sizeBytes)
    throw new CoveyError(
      'MODEL_INVALID',
      `tensor "${name}" has ${data.bytes.byteLength} bytes, ${elementTypeName(elementType)}[${dims}] has ${sizeBytes}`,
    );
  return data.bytes;
}

/** The numbers of a constant as doubles; 64-bit integers beyond 2^53 are rounded. Errors: those of elementsOf. */
export function numbersOf(constant: Constant): number[] {
  return Array.from(elementsOf(constant) as ArrayLike<number | bigint>, Number);
}

/** A constant of numbers over `elements` (not copied), or over bytes where the element type has no array of its own. */
export function createConstant(
  name: string,
  elementType: number,
  dims: readonly number[],
  elements: Elements,
): Constant {
  const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  const constant: Constant = {
    name,
    elementType,
    dims: [...dims],
    data: { kind: 'raw', bytes },
    docString: '',
    metadata: new Map(),
  };
  rawBytes(constant);
  return constant;
}
