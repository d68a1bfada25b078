import { type Datatype, elementBytes, type Tensor } from '@covey/protocol';

type Reader = (view: DataView, byteOffset: number) => number;

/** How an element of each datatype is read as a number, with its size. 64-bit integers round beyond 2^53. */
const readers: Record<Exclude<Datatype, 'BYTES'>, Reader> = {
  BOOL: (view, at) => view.getUint8(at),
  UINT8: (view, at) => view.getUint8(at),
  UINT16: (view, at) => view.getUint16(at, true),
  UINT32: (view, at) => view.getUint32(at, true),
  UINT64: (view, at) => Number(view.getBigUint64(at, true)),
  INT8: (view, at) => view.getInt8(at),
  INT16: (view, at) => view.getInt16(at, true),
  INT32: (view, at) => view.getInt32(at, true),
  INT64: (view, at) => Number(view.getBigInt64(at, true)),
  FP16: (view, at) => halfToNumber(view.getUint16(at, true)),
  FP32: (view, at) => view.getFloat32(at, true),
  FP64: (view, at) => view.getFloat64(at, true),
};

/** The elements of a tensor as numbers, wherever its bytes lie. */
export interface NumericElements {
  count: number;
  at: (i: number) => number;
}

/** Undefined for BYTES, whose elements are no numbers. */
export function numericElements({ datatype, data }: Tensor): NumericElements | undefined {
  if (datatype === 'BYTES') return undefined;
  const read = readers[datatype];
  const size = elementBytes[datatype];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return { count: Math.floor(data.byteLength / size), at: (i) => read(view, i * size) };
}

/** IEEE 754 binary16. Written out because browsers without Float16Array are supported. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
