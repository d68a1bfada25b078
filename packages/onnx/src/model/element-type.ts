import type { Datatype } from '@covey/protocol';

/** The ONNX element types by name (TensorProto.DataType of onnx.proto). A file may hold newer numbers than these. */
export const elementTypes = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  STRING: 8,
  BOOL: 9,
  FLOAT16: 10,
  DOUBLE: 11,
  UINT32: 12,
  UINT64: 13,
  COMPLEX64: 14,
  COMPLEX128: 15,
  BFLOAT16: 16,
  FLOAT8E4M3FN: 17,
  FLOAT8E4M3FNUZ: 18,
  FLOAT8E5M2: 19,
  FLOAT8E5M2FNUZ: 20,
  UINT4: 21,
  INT4: 22,
  FLOAT4E2M1: 23,
  FLOAT8E8M0: 24,
  UINT2: 25,
  INT2: 26,
} as const;

/** `FLOAT`, `INT64`, ... */
export type ElementTypeName = keyof typeof elementTypes;

const names = new Map<number, ElementTypeName>(
  Object.entries(elementTypes).map(([name, number]) => [number, name as ElementTypeName]),
);

const bits: Record<ElementTypeName, number> = {
  FLOAT: 32,
  UINT8: 8,
  INT8: 8,
  UINT16: 16,
  INT16: 16,
  INT32: 32,
  INT64: 64,
  STRING: 0,
  BOOL: 8,
  FLOAT16: 16,
  DOUBLE: 64,
  UINT32: 32,
  UINT64: 64,
  COMPLEX64: 64,
  COMPLEX128: 128,
  BFLOAT16: 16,
  FLOAT8E4M3FN: 8,
  FLOAT8E4M3FNUZ: 8,
  FLOAT8E5M2: 8,
  FLOAT8E5M2FNUZ: 8,
  UINT4: 4,
  INT4: 4,
  FLOAT4E2M1: 4,
  FLOAT8E8M0: 8,
  UINT2: 2,
  INT2: 2,
};

/** `FLOAT` for 1 and so on; `type 99` for a number without a name here. */
export function elementTypeName(elementType: number): string {
  return names.get(elementType) ?? `type ${elementType}`;
}

/** Bytes that `count` elements take, two of 4 bits or four of 2 to a byte; undefined for strings and for types without a name here. */
export function elementsSizeBytes(elementType: number, count: number): number | undefined {
  const name = names.get(elementType);
  if (name === undefined || name === 'STRING') return undefined;
  return Math.ceil((count * bits[name]) / 8);
}

const datatypes: Partial<Record<ElementTypeName, Datatype>> = {
  FLOAT: 'FP32',
  UINT8: 'UINT8',
  INT8: 'INT8',
  UINT16: 'UINT16',
  INT16: 'INT16',
  INT32: 'INT32',
  INT64: 'INT64',
  STRING: 'BYTES',
  BOOL: 'BOOL',
  FLOAT16: 'FP16',
  DOUBLE: 'FP64',
  UINT32: 'UINT32',
  UINT64: 'UINT64',
};

/** The datatype of an element type, or undefined for one that the inference protocol has no word for. */
export function datatypeOf(elementType: number): Datatype | undefined {
  const name = names.get(elementType);
  return name === undefined ? undefined : datatypes[name];
}

/** The element type of a datatype of the inference protocol. */
export function elementTypeOf(datatype: Datatype): number {
  for (const [name, candidate] of Object.entries(datatypes))
    if (candidate === datatype) return elementTypes[name as ElementTypeName];
  throw new RangeError(`no element type for ${datatype}`);
}
