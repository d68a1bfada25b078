import { WireType } from '@bufbuild/protobuf/wire';
import { CoveyError } from '@covey/protocol';
import { elementsSizeBytes, elementTypeName, elementTypes } from './element-type.ts';
import { type Codec, type Field, fieldsOf, readFields } from './fields.ts';
import type { Constant, ConstantData, Metadata, SparseConstant } from './types.ts';
import { concat, type WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** TensorProto as it stands on the wire: its numbers may come in six forms. */
interface WireConstant extends Omit<Constant, 'data' | 'dims'> {
  dims: bigint[];
  raw: Uint8Array | undefined;
  /** float_data, double_data: already the little-endian bytes of their elements. */
  floats: Uint8Array[];
  doubles: Uint8Array[];
  /** int32_data (for everything of at most 32 bits), int64_data, uint64_data (for uint32 as well). */
  int32s: bigint[];
  int64s: bigint[];
  uint64s: bigint[];
  strings: Uint8Array[];
  external: Metadata;
  isExternal: number;
}

const of = fieldsOf<WireConstant>();

function numbers(key: 'dims' | 'int32s' | 'int64s' | 'uint64s'): Field<WireConstant> {
  return {
    read: (constant, reader, end, wireType) => reader.varints(constant[key], wireType, end),
    write: (constant, writer, number) => {
      for (const value of constant[key]) writer.int(number, value);
    },
  };
}

function fixed(key: 'floats' | 'doubles', sizeBytes: 4 | 8): Field<WireConstant> {
  return {
    read: (constant, reader, end, wireType) => reader.fixed(constant[key], sizeBytes, wireType, end),
    // What is read in this form is written as raw_data.
    write: () => {},
  };
}

const fields: Record<number, Field<WireConstant>> = {
  1: numbers('dims'),
  2: of.integer('elementType'),
  4: fixed('floats', 4),
  5: numbers('int32s'),
  6: {
    wireType: WireType.LengthDelimited,
    read: (constant, reader, end) => void constant.strings.push(reader.bytes(end)),
    write: (constant, writer, number) => {
      for (const text of constant.strings) writer.bytes(number, text);
    },
  },
  7: numbers('int64s'),
  8: of.text('name'),
  9: {
    wireType: WireType.LengthDelimited,
    read: (constant, reader, end) => {
      constant.raw = reader.bytes(end);
    },
    write: ({ raw }, writer, number) => {
      if (raw !== undefined) writer.bytes(number, raw);
    },
  },
  10: fixed('doubles', 8),
  11: numbers('uint64s'),
  12: of.text('docString'),
  13: of.metadata('external'),
  14: of.integer('isExternal'),
  16: of.metadata('metadata'),
};

export function readConstant(reader: WireReader, end: number): Constant {
  const wire = emptyConstant();
  const unknown = readFields(reader, end, wire, fields);
  const { name, elementType, docString, metadata } = wire;
  return {
    name,
    elementType,
    dims: wire.dims.map((dim) => dimension(dim, name)),
    data: dataOf(wire),
    docString,
    metadata,
    ...(unknown && { unknown }),
  };
}

export function writeConstant(writer: WireWriter, constant: Constant): void {
  const { data, dims, unknown, ...rest } = constant;
  const wire: WireConstant = { ...emptyConstant(), ...rest, dims: dims.map(BigInt) };
  if (data.kind === 'raw') wire.raw = data.bytes;
  else if (data.kind === 'strings') wire.strings = data.strings;
  else Object.assign(wire, { external: externalEntries(data), isExternal: 1 });
  for (const [number, field] of Object.entries(fields)) field.write(wire, writer, Number(number));
  if (unknown) writer.raw(unknown);
}

export const sparseConstantCodec: Codec<SparseConstant> = {
  create: () => {
    const empty = () => readConstantless();
    return { values: empty(), indices: empty(), dims: [] };
  },
  fields: {
    1: constantField('values'),
    2: constantField('indices'),
    3: {
      read: (sparse, reader, end, wireType) => {
        const dims: bigint[] = [];
        reader.varints(dims, wireType, end);
        for (const dim of dims) sparse.dims.push(dimension(dim, sparse.values.name));
      },
      write: (sparse, writer, number) => {
        for (const dim of sparse.dims) writer.int(number, dim);
      },
    },
  },
};

function constantField(key: 'values' | 'indices'): Field<SparseConstant> {
  return {
    wireType: WireType.LengthDelimited,
    read: (sparse, reader, end) => {
      sparse[key] = reader.message(end, (innerEnd) => readConstant(reader, innerEnd));
    },
    write: (sparse, writer, number) => writer.message(number, (inner) => writeConstant(inner, sparse[key])),
  };
}

function readConstantless(): Constant {
  return {
    name: '',
    elementType: 0,
    dims: [],
    data: { kind: 'raw', bytes: new Uint8Array() },
    docString: '',
    metadata: new Map(),
  };
}

function emptyConstant(): WireConstant {
  return {
    name: '',
    elementType: 0,
    docString: '',
    metadata: new Map(),
    dims: [],
    raw: undefined,
    floats: [],
    doubles: [],
    int32s: [],
    int64s: [],
    uint64s: [],
    strings: [],
    external: new Map(),
    isExternal: 0,
  };
}

function dimension(dim: bigint, name: string): number {
  if (dim < 0n || dim > BigInt(Number.MAX_SAFE_INTEGER))
    throw new CoveyError('MODEL_INVALID', `tensor "${name}" has the absurd dimension ${dim}`);
  return Number(dim);
}

function dataOf(wire: WireConstant): ConstantData {
  if (wire.isExternal === 1) return externalData(wire);
  if (wire.elementType === elementTypes.STRING) return { kind: 'strings', strings: wire.strings };
  if (wire.raw !== undefined) return { kind: 'raw', bytes: wire.raw };
  if (wire.floats.length > 0) return { kind: 'raw', bytes: concat(wire.floats) };
  if (wire.doubles.length > 0) return { kind: 'raw', bytes: concat(wire.doubles) };
  const listed = [wire.int32s, wire.int64s, wire.uint64s].find((list) => list.length > 0) ?? [];
  return { kind: 'raw', bytes: packed(wire, listed) };
}

/** Numbers listed one by one as little-endian elements; two elements of 4 bits share a number. */
function packed({ name, elementType }: WireConstant, listed: readonly bigint[]): Uint8Array {
  const sizeBytes = elementsSizeBytes(elementType, 1);
  if (listed.length === 0) return new Uint8Array();
  if (sizeBytes === undefined || sizeBytes > 8)
    throw new CoveyError(
      'MODEL_UNSUPPORTED',
      `tensor "${name}" lists numbers for ${elementTypeName(elementType)}, which has no such form`,
    );
  const bytes = new Uint8Array(listed.length * sizeBytes);
  const view = new DataView(bytes.buffer);
  listed.forEach((value, index) => {
    if (sizeBytes === 8) view.setBigUint64(index * 8, BigInt.asUintN(64, value), true);
    else if (sizeBytes === 4) view.setUint32(index * 4, Number(BigInt.asUintN(32, value)), true);
    else if (sizeBytes === 2) view.setUint16(index * 2, Number(BigInt.asUintN(16, value)), true);
    else bytes[index] = Number(BigInt.asUintN(8, value));
  });
  return bytes;
}

function externalData({ name, external }: WireConstant): ConstantData {
  const entries = new Map(external);
  const location = entries.get('location') ?? '';
  const offsetBytes = externalNumber(name, 'offset', entries.get('offset') ?? '0');
  const length = entries.get('length');
  for (const key of ['location', 'offset', 'length']) entries.delete(key);
  return {
    kind: 'external',
    location,
    offsetBytes,
    ...(length !== undefined && { sizeBytes: externalNumber(name, 'length', length) }),
    entries,
  };
}

function externalNumber(name: string, key: string, text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw new CoveyError(
      'MODEL_INVALID',
      `tensor "${name}" lies in another file at the ${key} "${text}", which is no size`,
    );
  return value;
}

function externalEntries(data: Extract<ConstantData, { kind: 'external' }>): Metadata {
  return new Map([
    ['location', data.location],
    ['offset', String(data.offsetBytes)],
    ...(data.sizeBytes === undefined ? [] : [['length', String(data.sizeBytes)] as const]),
    ...data.entries,
  ]);
}
