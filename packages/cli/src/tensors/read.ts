import { readFileSync } from 'node:fs';
import {
  CoveyError,
  type Datatype,
  elementBytes,
  elementCount,
  limits,
  parseJson,
  type Tensor,
  type TensorSpec,
} from '@covey/protocol';
import { parseNpy } from './npy.ts';

/**
 * The tensor for one input as a user gives it: `@file.npy`, `@file.json` (numbers, nested or flat), `@file` (raw little-endian
 * elements), or numbers written out, `1,2.5,3`. A dimension that varies is worked out from the number of elements.
 * Errors: INVALID_ARGUMENT, NOT_FOUND, INVALID_DOCUMENT, WIRE_MALFORMED; each names the input or the file.
 */
export function readTensor(spec: TensorSpec, text: string): Tensor {
  if (!text.startsWith('@')) return fromNumbers(spec, text.split(','));
  const path = text.slice(1);
  const bytes = readFile(path);
  if (path.endsWith('.npy')) return fitted(spec, parseNpy(bytes));
  if (path.endsWith('.json')) return fromNested(spec, parseJson(bytes, path, limits.inferenceBodyBytes));
  return {
    datatype: spec.datatype,
    shape: shapeFor(spec, bytes.byteLength / bytesOf(spec)),
    data: new Uint8Array(bytes),
  };
}

function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CoveyError('NOT_FOUND', `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

function bytesOf(spec: TensorSpec): number {
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

function fromNumbers(spec: TensorSpec, values: unknown[]): Tensor {
  const step = bytesOf(spec);
  const data = new Uint8Array(values.length * step);
  const view = new DataView(data.buffer);
  for (const [index, value] of values.entries()) {
    const parsed = numberOf(spec, value);
    if (typeof parsed === 'bigint') view.setBigInt64(index * step, BigInt.asIntN(64, parsed), true);
    else writers[spec.datatype]?.(view, index * step, parsed);
  }
  return { datatype: spec.datatype, shape: shapeFor(spec, values.length), data };
}

/** Nested arrays carry their shape; a flat one, or a number alone, does not. */
function fromNested(spec: TensorSpec, document: unknown): Tensor {
  const shape: number[] = [];
  let level: unknown[] = [document];
  while (level.length > 0 && level.every(Array.isArray)) {
    const [first] = level as unknown[][];
    const size = first?.length ?? 0;
    if (!level.every((part) => part.length === size))
      throw new CoveyError('INVALID_ARGUMENT', `input ${spec.name}: its arrays differ in length`);
    shape.push(size);
    level = level.flat();
  }
  const flat = { ...spec, shape: [-1] };
  return fitted(spec, { ...fromNumbers(flat, level), shape });
}

/**
 * The spec's shape with its varying dimensions worked out from a number of elements. Where several vary, the leading one
 * is a batch of one. Errors: INVALID_ARGUMENT when the elements do not fill it, or more than one dimension is left open.
 */
function shapeFor(spec: TensorSpec, elements: number): number[] {
  const varying = spec.shape.flatMap((dimension, index) => (dimension === -1 ? [index] : []));
  const [open, ...others] = varying.length > 1 && varying[0] === 0 ? varying.slice(1) : varying;
  if (others.length > 0)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `input ${spec.name}: [${spec.shape}] leaves several dimensions open; give an .npy file or nested JSON, which carry their shape`,
    );
  const fixed = elementCount(spec.shape.filter((dimension) => dimension !== -1));
  const shape = spec.shape.map((dimension, index) =>
    dimension !== -1 ? dimension : index === open ? elements / fixed : 1,
  );
  if (elementCount(shape) !== elements || !shape.every(Number.isInteger)) {
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `input ${spec.name}: ${elements} elements do not fill [${spec.shape}]`,
    );
  }
  return shape;
}

/**
 * A tensor that carries its shape, as the spec has it: dimensions of 1 may be left out, and a flat one is filled in.
 * Nothing else is reshaped: height, width, channels read as channels, height, width would be another picture.
 */
function fitted(spec: TensorSpec, tensor: Tensor): Tensor {
  if (tensor.datatype !== spec.datatype) {
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `input ${spec.name} is ${spec.datatype}, the file holds ${tensor.datatype}`,
    );
  }
  const fits =
    tensor.shape.length === spec.shape.length &&
    spec.shape.every((dimension, index) => dimension === -1 || dimension === tensor.shape[index]);
  if (fits) return tensor;
  const shape = shapeFor(spec, elementCount(tensor.shape));
  const large = (dimensions: number[]) => dimensions.filter((dimension) => dimension !== 1).join();
  if (tensor.shape.length !== 1 && large(shape) !== large(tensor.shape)) {
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `input ${spec.name} has the shape [${spec.shape}], the file holds [${tensor.shape}]`,
    );
  }
  return { ...tensor, shape };
}
