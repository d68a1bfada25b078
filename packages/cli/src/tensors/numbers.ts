import {
  CoveyError,
  type Datatype,
  elementBytes,
  limits,
  type Tensor,
  type TensorSpec,
} from '@covey/protocol';

/** Bytes of one element. Errors: UNSUPPORTED for texts. */
export function bytesOf(spec: TensorSpec): number {
  if (spec.datatype === 'BYTES')
    throw new CoveyError('UNSUPPORTED', `input ${spec.name} holds texts, which this command cannot send`);
  return elementBytes[spec.datatype];
}

type Whole = Extract<Datatype, `${'U' | ''}INT${string}`>;

function isWhole(datatype: Datatype): datatype is Whole {
  return /^U?INT/.test(datatype);
}

/** Errors: INVALID_ARGUMENT for what is no number, or none that the datatype holds. */
function numberOf({ name, datatype }: TensorSpec, value: unknown): number | bigint {
  const text = String(value).trim();
  if (typeof value === 'boolean') return value ? 1 : 0;
  const wrong = (what: string) =>
    new CoveyError('INVALID_ARGUMENT', `input ${name}: "${text.slice(0, 40)}" is ${what}`);
  if (typeof value === 'object' || text === '') throw wrong('no number');
  if (!isWhole(datatype)) {
    const parsed = Number(text);
    if (Number.isNaN(parsed) && text !== 'NaN') throw wrong('no number');
    return parsed;
  }
  if (!/^-?\d{1,20}$/.test(text)) throw wrong('no whole number');
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw wrong('rounded: write whole numbers beyond 2^53 in quotes');
  const whole = BigInt(text);
  const bits = elementBytes[datatype] * 8;
  const held = datatype.startsWith('U') ? BigInt.asUintN(bits, whole) : BigInt.asIntN(bits, whole);
  if (held !== whole) throw wrong(`beyond what ${datatype} holds`);
  return bits === 64 ? whole : Number(whole);
}

const writers: Partial<Record<Datatype, (view: DataView, offset: number, value: number) => void>> = {
  BOOL: (view, offset, value) => view.setUint8(offset, value === 0 ? 0 : 1),
  UINT8: (view, offset, value) => view.setUint8(offset, value),
  INT8: (view, offset, value) => view.setInt8(offset, value),
  UINT16: (view, offset, value) => view.setUint16(offset, value, true),
  INT16: (view, offset, value) => view.setInt16(offset, value, true),
  UINT32: (view, offset, value) => view.setUint32(offset, value, true),
  INT32: (view, offset, value) => view.setInt32(offset, value, true),
  FP16: (view, offset, value) => view.setFloat16(offset, value, true),
  FP32: (view, offset, value) => view.setFloat32(offset, value, true),
  FP64: (view, offset, value) => view.setFloat64(offset, value, true),
};

/** Numbers as a flat tensor of the spec's type. Errors: INVALID_ARGUMENT for what is no number of that type. */
export function flatTensor(spec: TensorSpec, values: unknown[]): Tensor {
  const step = bytesOf(spec);
  const data = new Uint8Array(values.length * step);
  const view = new DataView(data.buffer);
  for (const [index, value] of values.entries()) {
    const parsed = numberOf(spec, value);
    if (typeof parsed === 'bigint') view.setBigInt64(index * step, BigInt.asIntN(64, parsed), true);
    else writers[spec.datatype]?.(view, index * step, parsed);
  }
  return { datatype: spec.datatype, shape: [values.length], data };
}

/**
 * Nested arrays as a tensor of the shape that they have; a number alone has none. Errors: INVALID_ARGUMENT for arrays that
 * differ in length, and what is no number.
 */
export function nestedTensor(spec: TensorSpec, document: unknown): Tensor {
  const shape: number[] = [];
  let level: unknown[] = [document];
  while (level.length > 0 && level.every(Array.isArray)) {
    const [first] = level as unknown[][];
    const size = first?.length ?? 0;
    if (!level.every((part) => part.length === size))
      throw new CoveyError('INVALID_ARGUMENT', `input ${spec.name}: its arrays differ in length`);
    if (shape.length === limits.tensorRank)
      throw new CoveyError('INVALID_ARGUMENT', `input ${spec.name}: its arrays are nested too deep`);
    shape.push(size);
    level = level.flat();
  }
  return { ...flatTensor(spec, level), shape };
}
