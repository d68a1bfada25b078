import { CoveyError, type Datatype, elementBytes, elementCount, limits, type Tensor } from '@covey/protocol';
import { decodeTexts, elementsOf, encodeTexts } from '../tensors/index.ts';

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
  FP32: (value) => (typeof value === 'number' && Number.isFinite(Math.fround(value)) ? value : undefined),
  FP64: (value) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined),
};

function integerIn(value: unknown, min: number, max: number): number | undefined {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max
    ? (value as number)
    : undefined;
}

function bigIntegerIn(value: unknown, min: bigint, max: bigint): bigint | undefined {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return undefined;
  const integer = BigInt(value as bigint | number);
  return integer >= min && integer <= max ? integer : undefined;
}

/**
 * The tensor of a JSON `data`, nested or flat, row-major. Numbers beyond 2^53 arrive as bigint (see parseExactly).
 * Errors: INPUT_INVALID naming the tensor, what was expected and what came.
 */
export function tensorFromJson(name: string, datatype: Datatype, shape: number[], data: unknown): Tensor {
  if (datatype === 'FP16') {
    throw new CoveyError('INPUT_INVALID', `input ${name}: FP16 has no JSON form, send it as binary data`);
  }
  const count = elementCount(shape);
  if (datatype === 'BYTES') return { datatype, shape, data: encodeTexts(texts(name, count, data)) };
  // Shared memory, so that it reaches the model's thread without a copy.
  const bytes = new Uint8Array(new SharedArrayBuffer(count * elementBytes[datatype]));
  const elements: { [index: number]: number | bigint } = elementsOf(datatype, bytes);
  const convert = fromJson[datatype];
  const filled = eachLeaf(data, 0, 0, (value, index) => {
    const element = convert(value);
    if (element === undefined) throw wrongElement(name, datatype, index, value);
    if (index < count) elements[index] = element;
  });
  if (filled !== count) throw wrongCount(name, count, filled);
  return { datatype, shape, data: bytes };
}

function texts(name: string, count: number, data: unknown): string[] {
  const found: string[] = [];
  eachLeaf(data, 0, 0, (value, index) => {
    if (typeof value !== 'string') throw wrongElement(name, 'BYTES', index, value);
    found.push(value);
  });
  if (found.length !== count) throw wrongCount(name, count, found.length);
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
  for (const item of value) index = eachLeaf(item, index, depth + 1, visit);
  return index;
}

function wrongElement(name: string, datatype: Datatype, index: number, value: unknown): CoveyError {
  const got = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? 'nothing').slice(0, 40);
  return new CoveyError('INPUT_INVALID', `input ${name}: element ${index} must be ${datatype}, got ${got}`);
}

function wrongCount(name: string, expected: number, got: number): CoveyError {
  return new CoveyError(
    'INPUT_INVALID',
    `input ${name}: its shape holds ${expected} elements, data has ${got}`,
  );
}

/** `data` of an output as JSON text, flat. NaN and infinities, which JSON has no word for, become null. Errors: INPUT_INVALID for FP16. */
export function dataAsJson(name: string, { datatype, shape, data }: Tensor): string {
  if (datatype === 'FP16') {
    const message = `output ${name}: FP16 has no JSON form, ask for it with "binary_data": true`;
    throw new CoveyError('INPUT_INVALID', message);
  }
  if (datatype === 'BYTES') return JSON.stringify(decodeTexts(data, elementCount(shape)));
  const elements = elementsOf(datatype, data);
  if (datatype === 'BOOL') return JSON.stringify(Array.from(elements, Boolean));
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array)
    return `[${elements.join(',')}]`;
  return JSON.stringify(Array.from(elements));
}
