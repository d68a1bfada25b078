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
 * Errors: INVALID_ARGUMENT, NOT_FOUND, INVALID_DOCUMENT; each names the input.
 */
export function readTensor(spec: TensorSpec, text: string): Tensor {
  if (!text.startsWith('@'))
    return fromNumbers(
      spec,
      text.split(',').map((part) => numberOf(spec, part.trim())),
    );
  const path = text.slice(1);
  const bytes = readFile(path);
  if (path.endsWith('.npy')) return fitted(spec, parseNpy(bytes));
  if (path.endsWith('.json')) {
    const values = [parseJson(bytes, path, limits.inferenceBodyBytes)].flat(limits.tensorRank);
    return fromNumbers(
      spec,
      values.map((value) => numberOf(spec, value)),
    );
  }
  return fitted(spec, {
    datatype: spec.datatype,
    shape: shapeFor(spec, bytes.byteLength / bytesOf(spec)),
    data: new Uint8Array(bytes),
  });
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

function numberOf(spec: TensorSpec, value: unknown): number | bigint {
  const isWide = spec.datatype === 'INT64' || spec.datatype === 'UINT64';
  if (typeof value === 'boolean') return value ? 1 : 0;
  try {
    const parsed = isWide ? BigInt(value as string) : Number(value);
    if (value !== '' && (typeof parsed === 'bigint' || !Number.isNaN(parsed) || value === 'NaN'))
      return parsed;
  } catch {
    // BigInt throws on what is no whole number; said below in the user's words.
  }
  throw new CoveyError(
    'INVALID_ARGUMENT',
    `input ${spec.name}: "${String(value)}" is no ${isWide ? 'whole ' : ''}number`,
  );
}

const writers: Partial<Record<Datatype, (view: DataView, offset: number, value: number) => void>> = {
  BOOL: (view, offset, value) => view.setUint8(offset, value === 0 ? 0 : 1),
  UINT8: (view, offset, value) => view.setUint8(offset, value),
  INT8: (view, offset, value) => view.setInt8(offset, value),
  UINT16: (view, offset, value) => view.setUint16(offset, value, true),
  INT16: (view, offset, value) => view.setInt16(offset, value, true),
  UINT32: (view, offset, value) => view.setUint32(offset, value, true),
  INT32: (view, offset, value) => view.setInt32(offset, value, true),
  FP32: (view, offset, value) => view.setFloat32(offset, value, true),
  FP64: (view, offset, value) => view.setFloat64(offset, value, true),
};

function fromNumbers(spec: TensorSpec, values: (number | bigint)[]): Tensor {
  const step = bytesOf(spec);
  const data = new Uint8Array(values.length * step);
  const view = new DataView(data.buffer);
  const write = writers[spec.datatype];
  for (const [index, value] of values.entries()) {
    if (typeof value === 'bigint') view.setBigInt64(index * step, BigInt.asIntN(64, value), true);
    else if (write) write(view, index * step, value);
    else
      throw new CoveyError('UNSUPPORTED', `input ${spec.name} is ${spec.datatype}; give it as an .npy file`);
  }
  return { datatype: spec.datatype, shape: shapeFor(spec, values.length), data };
}

/** The spec's shape with its varying dimensions worked out: the first takes what there is, further ones are 1. */
function shapeFor(spec: TensorSpec, elements: number): number[] {
  const fixed = elementCount(spec.shape.filter((dimension) => dimension !== -1));
  const varying = spec.shape.indexOf(-1);
  const shape = spec.shape.map((dimension, index) =>
    dimension !== -1 ? dimension : index === varying ? elements / fixed : 1,
  );
  if (elementCount(shape) !== elements || !shape.every(Number.isInteger)) {
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `input ${spec.name}: ${elements} elements do not fill [${spec.shape}]`,
    );
  }
  return shape;
}

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
  return fits ? tensor : { ...tensor, shape: shapeFor(spec, elementCount(tensor.shape)) };
}
