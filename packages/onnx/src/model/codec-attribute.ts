import { WireType } from '@bufbuild/protobuf/wire';
import { CoveyError } from '@covey/protocol';
import { readConstant, sparseConstantCodec, writeConstant } from './codec-constant.ts';
import { graphCodec } from './codec-graph.ts';
import { readType, writeType } from './codec-type.ts';
import { readMessage, writeMessage } from './fields.ts';
import type { Attribute, AttributeValue } from './types.ts';
import { concat, type WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** AttributeProto.AttributeType. */
const typeNumbers = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  sparseTensor: 11,
  sparseTensors: 12,
  valueType: 13,
  valueTypes: 14,
} as const;
type TypeName = keyof typeof typeNumbers;

/** The field that holds the value of each type. */
const valueFields: Record<TypeName, number> = {
  float: 2,
  int: 3,
  string: 4,
  tensor: 5,
  graph: 6,
  floats: 7,
  ints: 8,
  strings: 9,
  tensors: 10,
  graphs: 11,
  valueType: 14,
  valueTypes: 15,
  sparseTensor: 22,
  sparseTensors: 23,
};
const nameField = 1;
const docStringField = 13;
const typeField = 20;
const referenceField = 21;
const typeOfField = new Map(Object.entries(valueFields).map(([type, field]) => [field, type as TypeName]));

/** What the value fields gathered, by type: a list each, whatever the type. */
type Gathered = { [Type in TypeName]?: unknown[] };

/** AttributeProto: its name and the rest. Errors: MODEL_INVALID (no name, no value), MODEL_UNSUPPORTED (newer types). */
export function readAttribute(reader: WireReader, end: number): { name: string; attribute: Attribute } {
  const gathered: Gathered = {};
  const head = { name: '', docString: '', reference: '', type: 0 };
  const unknown = reader.fields(end, (number, wireType) => {
    const type = typeOfField.get(number);
    const delimited = wireType === WireType.LengthDelimited;
    if (type !== undefined) {
      gathered[type] ??= [];
      return readValue(reader, end, wireType, type, gathered[type]);
    }
    if (number === nameField && delimited) head.name = reader.text(end);
    else if (number === docStringField && delimited) head.docString = reader.text(end);
    else if (number === referenceField && delimited) head.reference = reader.text(end);
    else if (number === typeField && wireType === WireType.Varint) head.type = reader.integer();
    else return false;
    return true;
  });
  if (head.name === '') throw new CoveyError('MODEL_INVALID', 'an attribute of a node has no name');
  const value: AttributeValue =
    head.reference === ''
      ? attributeValue(head.name, head.type, gathered)
      : { type: 'reference', value: head.reference, attributeType: head.type };
  const { docString } = head;
  return {
    name: head.name,
    attribute: { ...value, ...(docString && { docString }), ...(unknown && { unknown }) },
  };
}

function readValue(
  reader: WireReader,
  end: number,
  wireType: WireType,
  type: TypeName,
  values: unknown[],
): boolean {
  if (type === 'floats') reader.fixed(values as Uint8Array[], 4, wireType, end);
  else if (type === 'ints') reader.varints(values as bigint[], wireType, end);
  else if (type === 'float' && wireType === WireType.Bit32) values.push(reader.float());
  else if (type === 'int' && wireType === WireType.Varint) values.push(reader.int64());
  else if (wireType !== WireType.LengthDelimited || type === 'float' || type === 'int') return false;
  else if (type === 'string' || type === 'strings') values.push(reader.bytes(end));
  else values.push(reader.message(end, (innerEnd) => readNested(reader, innerEnd, type)));
  return true;
}

function readNested(reader: WireReader, end: number, type: TypeName): unknown {
  if (type === 'tensor' || type === 'tensors') return readConstant(reader, end);
  if (type === 'graph' || type === 'graphs') return readMessage(reader, end, graphCodec);
  if (type === 'valueType' || type === 'valueTypes') return readType(reader, end);
  return readMessage(reader, end, sparseConstantCodec);
}

function attributeValue(name: string, typeNumber: number, gathered: Gathered): AttributeValue {
  // Files before IR version 2 state no type: it is that of the one value there is.
  const type = (Object.keys(typeNumbers) as TypeName[]).find((candidate) =>
    typeNumber === 0 ? gathered[candidate] !== undefined : typeNumbers[candidate] === typeNumber,
  );
  if (type === undefined)
    throw new CoveyError(
      typeNumber === 0 ? 'MODEL_INVALID' : 'MODEL_UNSUPPORTED',
      `attribute "${name}" has ${typeNumber === 0 ? 'no type and no value' : `the unknown type ${typeNumber}`}`,
    );
  const values = gathered[type] ?? [];
  if (type === 'floats') {
    // One aligned copy: attributes are small beside weights.
    const bytes = concat(values as Uint8Array[]).slice();
    return { type, value: new Float32Array(bytes.buffer, 0, bytes.byteLength / 4) };
  }
  if (type === 'ints') return { type, value: BigInt64Array.from(values as bigint[]) };
  if (type.endsWith('s')) return { type, value: values } as AttributeValue;
  const value = values.at(-1) ?? { float: 0, int: 0n, string: new Uint8Array() }[type as string];
  if (value === undefined) throw new CoveyError('MODEL_INVALID', `attribute "${name}" has no value`);
  return { type, value } as AttributeValue;
}

export function writeAttribute(writer: WireWriter, name: string, attribute: Attribute): void {
  writer.text(nameField, name);
  if (attribute.type !== 'reference') writeValue(writer, valueFields[attribute.type], attribute);
  if (attribute.docString) writer.text(docStringField, attribute.docString);
  writer.int(
    typeField,
    attribute.type === 'reference' ? attribute.attributeType : typeNumbers[attribute.type],
  );
  if (attribute.type === 'reference') writer.text(referenceField, attribute.value);
  if (attribute.unknown) writer.raw(attribute.unknown);
}

function writeValue(
  writer: WireWriter,
  field: number,
  { type, value }: Exclude<AttributeValue, { type: 'reference' }>,
): void {
  if (type === 'float') writer.float(field, value);
  else if (type === 'int') writer.int(field, value);
  else if (type === 'string') writer.bytes(field, value);
  else if (type === 'floats')
    writer.bytes(field, new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  else if (type === 'ints') for (const number of value) writer.int(field, number);
  else if (type === 'strings') for (const text of value) writer.bytes(field, text);
  else if (type === 'tensor') writer.message(field, (inner) => writeConstant(inner, value));
  else if (type === 'graph') writer.message(field, (inner) => writeMessage(inner, value, graphCodec));
  else if (type === 'valueType') writer.message(field, (inner) => writeType(inner, value));
  else if (type === 'sparseTensor')
    writer.message(field, (inner) => writeMessage(inner, value, sparseConstantCodec));
  else writeValues(writer, field, { type, value } as ListValue);
}

type ListValue = Extract<AttributeValue, { type: 'tensors' | 'graphs' | 'valueTypes' | 'sparseTensors' }>;

function writeValues(writer: WireWriter, field: number, { type, value: values }: ListValue): void {
  const single = type.slice(0, -1) as 'tensor' | 'graph' | 'valueType' | 'sparseTensor';
  for (const value of values)
    writeValue(writer, field, { type: single, value } as Exclude<AttributeValue, { type: 'reference' }>);
}
