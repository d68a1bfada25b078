import { CoveyError, type Datatype, elementBytes, elementCount, limits, type Tensor } from '@covey/protocol';
import { decodeElements, elementsOf, encodeElements } from '../tensors/index.ts';

type Numeric = Exclude<Datatype, 'BYTES' | 'FP16'>;

/** Converts a JSON value to an element; undefined when it is none. */
const fromJson: Record<Numeric, (value: unknown) => number | bigint | undefined> = {
  BOOL: (value) => (value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : undefined),
  UINT8: (value) => integerIn(value, 0, 0xff),
  UINT16: (value) => integerIn(value, 0, 0xffff),
  UINT32: (value) => integerIn(value, 0, 0xffffffff),
  UINT64: (value) => bigIntegerIn(value, 0n, 0xffffffffffffffffn),
  INT8: (value) => integerIn(value, -0x80, 0x7f),
  INT16: (value) => integerIn(value, -0x8000, 0x7fff),
  INT32: (value) => integerIn(value, -0x80000000, 0x7fffffff),
  INT64: (value) => bigIntegerIn(value, -0x8000000000000000n, 0x7fffffffffffffffn),
  FP32: (value) => floatIn(value, Math.fround),
  FP64: (value) => floatIn(value, (number) => number),
};

/** Digits in a string that parseJson left for 64-bit integers. */
const longInteger = /^-?\d{16,}$/;

function floatIn(value: unknown, round: (number: number) => number): number | undefined {
  const number = typeof value === 'string' && longInteger.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(round(number)) ? number : undefined;
}

function integerIn(value: unknown, min: number, max: number): number | undefined {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max
    ? (value as number)
    : undefined;
}

/** Digits in a string are what a double could not hold (see parseJson), and what protobuf's JSON has for 64-bit integers. */
function bigIntegerIn(value: unknown, min: bigint, max: bigint): bigint | undefined {
  const isDigits = typeof value === 'string' && /^-?\d{1,20}$/.test(value);
  if (!isDigits && !Number.isSafeInteger(value)) return undefined;
  const integer = BigInt(value as string | number);
  return integer >= min && integer <= max ? integer : undefined;
}

/** Reads an element of BYTES; undefined when it is none. */
export type ReadBytes = (value: unknown) => Uint8Array | undefined;

const encoder = new TextEncoder();
/** Strings are their UTF-8 bytes. */
export const textBytes: ReadBytes = (value) =>
  typeof value === 'string' ? encoder.encode(value) : undefined;

/** 64-bit integers in JSON need exact parsing. */
export function needsExactIntegers(inputs: readonly { datatype: Datatype }[]): boolean {
  return inputs.some(({ datatype }) => datatype === 'INT64' || datatype === 'UINT64');
}

/**
 * The tensor of JSON data, nested or flat, row-major; 64-bit integers may come as digits in a string.
 * Errors: INPUT_INVALID naming the tensor, what was expected and what came.
 */
export function tensorFromJson(
  name: string,
  datatype: Datatype,
  shape: number[],
  data: unknown,
  readBytes: ReadBytes = textBytes,
): Tensor {
  if (datatype === 'FP16') {
    throw new CoveyError('INPUT_INVALID', `input ${name}: FP16 has no JSON form, send it as binary data`);
  }
  const count = elementCount(shape);
  if (datatype === 'BYTES') {
    return { datatype, shape, data: encodeElements(bytesFromJson(name, count, data, readBytes)) };
  }
  // Counted before memory is taken for what the shape says. Shared memory reaches the model's thread without a copy.
  const given = eachLeaf(data, 0, 0, () => {});
  if (given !== count) throw wrongCount(name, count, given, data, datatype);
  const bytes = new Uint8Array(new SharedArrayBuffer(count * elementBytes[datatype]));
  const elements: { [index: number]: number | bigint } = elementsOf(datatype, bytes);
  const convert = fromJson[datatype];
  eachLeaf(data, 0, 0, (value, index) => {
    const element = convert(value);
    if (element === undefined) throw wrongElement(name, datatype, index, value);
    elements[index] = element;
  });
  return { datatype, shape, data: bytes };
}

function bytesFromJson(name: string, count: number, data: unknown, read: ReadBytes): Uint8Array[] {
  const found: Uint8Array[] = [];
  eachLeaf(data, 0, 0, (value, index) => {
    const element = read(value);
    if (element === undefined) throw wrongElement(name, 'BYTES', index, value);
    found.push(element);
  });
  if (found.length !== count) throw wrongCount(name, count, found.length, data, 'BYTES');
  return found;
}

/** Visits what is in nested arrays, from left to right; answers the index after the last. */
function eachLeaf(
  value: unknown,
  from: number,
  depth: number,
  visit: (leaf: unknown, index: number) => void,
): number {
  if (!Array.isArray(value) || depth > limits.tensorRank) {
    visit(value, from);
    return from + 1;
  }
  let index = from;
  for (const item of value) {
    if (Array.isArray(item)) index = eachLeaf(item, index, depth + 1, visit);
    else visit(item, index++);
  }
  return index;
}

function wrongElement(name: string, datatype: Datatype, index: number, value: unknown): CoveyError {
  const isDigits = typeof value === 'string' && longInteger.test(value);
  const got = (isDigits ? value : (JSON.stringify(value) ?? 'nothing')).slice(0, 40);
  return new CoveyError('INPUT_INVALID', `input ${name}: element ${index} must be ${datatype}, got ${got}`);
}

function wrongCount(
  name: string,
  expected: number,
  got: number,
  data: unknown,
  datatype: Datatype,
): CoveyError {
  if (data === undefined) return wrongElement(name, datatype, 0, data);
  const message = `input ${name}: its shape holds ${expected} elements, data has ${got}`;
  return new CoveyError('INPUT_INVALID', message);
}

/** The shape of nested arrays, by their first elements; that the others are alike shows when they are counted. */
export function nestedShape(data: unknown): number[] {
  const shape: number[] = [];
  for (let part = data; Array.isArray(part) && shape.length <= limits.tensorRank; part = part[0]) {
    shape.push(part.length);
  }
  return shape;
}

/** Whether nested arrays are as long as `shape` says, everywhere. */
export function isNested(data: unknown, shape: readonly number[], depth = 0): boolean {
  if (depth === shape.length) return !Array.isArray(data);
  if (!Array.isArray(data) || data.length !== shape[depth]) return false;
  return data.every((part) => isNested(part, shape, depth + 1));
}

/** Gives the JSON of an element of BYTES. Errors: INPUT_INVALID for what has none. */
export type WriteBytes = (name: string, element: Uint8Array) => string;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const writeText: WriteBytes = (name, element) => {
  try {
    // A copy: TextDecoder refuses shared memory.
    return JSON.stringify(decoder.decode(element.slice()));
  } catch (cause) {
    throw new CoveyError('INPUT_INVALID', `output ${name} is no text: ask for it in binary`, { cause });
  }
};

function elementTexts(name: string, { datatype, shape, data }: Tensor, writeBytes: WriteBytes): string[] {
  if (datatype === 'FP16') {
    const message = `output ${name}: FP16 has no JSON form, ask for it with "binary_data": true`;
    throw new CoveyError('INPUT_INVALID', message);
  }
  if (datatype === 'BYTES') {
    return decodeElements(data, elementCount(shape)).map((element) => writeBytes(name, element));
  }
  const elements = elementsOf(datatype, data);
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) {
    return Array.from(elements, String);
  }
  const texts: string[] = [];
  for (const element of elements) {
    if (datatype === 'BOOL') texts.push(element === 0 ? 'false' : 'true');
    else texts.push(Object.is(element, -0) ? '-0' : Number.isFinite(element) ? String(element) : 'null');
  }
  return texts;
}

/** An output as flat JSON. NaN and infinities, which JSON has no word for, become null. Errors: INPUT_INVALID for FP16. */
export function flatJson(name: string, tensor: Tensor): string {
  return `[${elementTexts(name, tensor, writeText).join(',')}]`;
}

/** The rows of an output, each as JSON nested by the dimensions after the first; otherwise as flatJson. */
export function rowsJson(name: string, tensor: Tensor, writeBytes = writeText): string[] {
  const texts = elementTexts(name, tensor, writeBytes);
  const [rows = 1, ...inner] = tensor.shape;
  let next = 0;
  const write = (depth: number): string => {
    const size = inner[depth];
    if (size === undefined) return texts[next++] ?? 'null';
    return `[${Array.from({ length: size }, () => write(depth + 1)).join(',')}]`;
  };
  return Array.from({ length: rows }, () => write(0));
}

/** An output as JSON nested by its shape. */
export function nestedJson(name: string, tensor: Tensor, writeBytes = writeText): string {
  const rows = rowsJson(name, tensor, writeBytes);
  return tensor.shape.length === 0 ? (rows[0] ?? 'null') : `[${rows.join(',')}]`;
}
