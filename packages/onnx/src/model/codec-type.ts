import { WireType } from '@bufbuild/protobuf/wire';
import type { Dimension, ShapeExtra, ValueType } from './types.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

interface TensorType {
  kind: 'tensor' | 'sparseTensor';
  elementType: number;
  shape?: Dimension[];
  extra?: ShapeExtra;
}

/** TypeProto. */
export function readType(reader: WireReader, end: number): ValueType {
  let type: ValueType = { kind: 'unknown' };
  const unknown = reader.fields(end, (number, wireType) => {
    if (wireType !== WireType.LengthDelimited) return false;
    const read = readers[number];
    if (read === undefined) return false;
    type = reader.message(end, (innerEnd) => read(reader, innerEnd));
    return true;
  });
  return unknown ? { ...type, unknown } : type;
}

const readers: Record<number, (reader: WireReader, end: number) => ValueType> = {
  1: (reader, end) => readTensor(reader, end, 'tensor'),
  4: (reader, end) => ({ kind: 'sequence', element: readElement(reader, end) }),
  5: readMap,
  8: (reader, end) => readTensor(reader, end, 'sparseTensor'),
  9: (reader, end) => ({ kind: 'optional', element: readElement(reader, end) }),
};

function readTensor(reader: WireReader, end: number, kind: TensorType['kind']): TensorType {
  const type: TensorType = { kind, elementType: 0 };
  const extra: ShapeExtra = {};
  const tensor = reader.fields(end, (number, wireType) => {
    if (number === 1 && wireType === WireType.Varint) type.elementType = reader.integer();
    else if (number === 2 && wireType === WireType.LengthDelimited)
      type.shape = reader.message(end, (shapeEnd) => readShape(reader, shapeEnd, extra));
    else return false;
    return true;
  });
  if (tensor) extra.tensor = tensor;
  if (Object.keys(extra).length > 0) type.extra = extra;
  return type;
}

function readShape(reader: WireReader, end: number, extra: ShapeExtra): Dimension[] {
  const shape: Dimension[] = [];
  const unknown = reader.fields(end, (number, wireType) => {
    if (number !== 1 || wireType !== WireType.LengthDelimited) return false;
    const { dimension, rest } = reader.message(end, (dimensionEnd) => readDimension(reader, dimensionEnd));
    if (rest) {
      extra.dimensions ??= [];
      extra.dimensions[shape.length] = rest;
    }
    shape.push(dimension);
    return true;
  });
  if (unknown) extra.shape = unknown;
  return shape;
}

function readDimension(
  reader: WireReader,
  end: number,
): { dimension: Dimension; rest: Uint8Array | undefined } {
  let dimension: Dimension = null;
  const rest = reader.fields(end, (number, wireType) => {
    if (number === 1 && wireType === WireType.Varint) {
      const size = reader.integer();
      // Some exporters write -1 for "varies".
      dimension = size < 0 ? null : size;
    } else if (number === 2 && wireType === WireType.LengthDelimited) dimension = reader.text(end) || null;
    else return false;
    return true;
  });
  return { dimension, rest };
}

function readElement(reader: WireReader, end: number): ValueType | undefined {
  let element: ValueType | undefined;
  reader.fields(end, (number, wireType) => {
    if (number !== 1 || wireType !== WireType.LengthDelimited) return false;
    element = reader.message(end, (innerEnd) => readType(reader, innerEnd));
    return true;
  });
  return element;
}

function readMap(reader: WireReader, end: number): ValueType {
  const type: ValueType & { kind: 'map' } = { kind: 'map', keyType: 0, value: undefined };
  reader.fields(end, (number, wireType) => {
    if (number === 1 && wireType === WireType.Varint) type.keyType = reader.integer();
    else if (number === 2 && wireType === WireType.LengthDelimited)
      type.value = reader.message(end, (innerEnd) => readType(reader, innerEnd));
    else return false;
    return true;
  });
  return type;
}

const fieldNumbers = { tensor: 1, sequence: 4, map: 5, sparseTensor: 8, optional: 9 } as const;

export function writeType(writer: WireWriter, type: ValueType): void {
  if (type.kind !== 'unknown') writer.message(fieldNumbers[type.kind], (inner) => writeForm(inner, type));
  if (type.unknown) writer.raw(type.unknown);
}

function writeForm(writer: WireWriter, type: Exclude<ValueType, { kind: 'unknown' }>): void {
  if (type.kind === 'map') {
    const { keyType, value } = type;
    writer.int(1, keyType);
    if (value) writer.message(2, (inner) => writeType(inner, value));
  } else if ('element' in type) {
    const { element } = type;
    if (element) writer.message(1, (inner) => writeType(inner, element));
  } else writeTensor(writer, type);
}

function writeTensor(writer: WireWriter, { elementType, shape, extra }: TensorType): void {
  writer.int(1, elementType);
  if (shape)
    writer.message(2, (inner) => {
      shape.forEach((dimension, index) => {
        inner.message(1, (nested) => {
          if (typeof dimension === 'number') nested.int(1, dimension);
          else if (dimension !== null) nested.text(2, dimension);
          const rest = extra?.dimensions?.[index];
          if (rest) nested.raw(rest);
        });
      });
      if (extra?.shape) inner.raw(extra.shape);
    });
  if (extra?.tensor) writer.raw(extra.tensor);
}
