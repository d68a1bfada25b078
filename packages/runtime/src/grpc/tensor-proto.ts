import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  CoveyError,
  type Datatype,
  elementCount,
  limits,
  type Tensor,
  type TensorSpec,
} from '@covey/protocol';
import { DataType } from '../generated/tensorflow_pb.ts';
import { checkForm, decodeElements, elementsOf } from '../tensors/index.ts';
import { elementsFrom } from './elements.ts';
import { FieldReader } from './fields.ts';
import type { Lease } from './memory.ts';
import { type Parts, sizeOf } from './parts.ts';
import type { Realigner } from './realigner.ts';

/** A tensorflow.TensorProto as it is on the wire. */
export interface TensorMessage {
  dtype: number;
  shape: number[];
  content: Uint8Array | undefined;
  /** All of it: holds the typed elements. */
  message: Uint8Array;
}

/** TensorFlow's name of a type, and the field of TensorProto for its elements. */
const forms: Record<Datatype, { dtype: DataType; field: number }> = {
  FP32: { dtype: DataType.DT_FLOAT, field: 5 },
  FP64: { dtype: DataType.DT_DOUBLE, field: 6 },
  INT32: { dtype: DataType.DT_INT32, field: 7 },
  INT16: { dtype: DataType.DT_INT16, field: 7 },
  INT8: { dtype: DataType.DT_INT8, field: 7 },
  UINT8: { dtype: DataType.DT_UINT8, field: 7 },
  UINT16: { dtype: DataType.DT_UINT16, field: 7 },
  BYTES: { dtype: DataType.DT_STRING, field: 8 },
  INT64: { dtype: DataType.DT_INT64, field: 10 },
  BOOL: { dtype: DataType.DT_BOOL, field: 11 },
  FP16: { dtype: DataType.DT_HALF, field: 13 },
  UINT32: { dtype: DataType.DT_UINT32, field: 16 },
  UINT64: { dtype: DataType.DT_UINT64, field: 17 },
};

/** Errors: WIRE_MALFORMED, INPUT_INVALID. */
export function readTensorMessage(name: string, message: Uint8Array): TensorMessage {
  const tensor: TensorMessage = { dtype: 0, shape: [], content: undefined, message };
  const fields = new FieldReader(message);
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) tensor.dtype = Number(fields.int64());
    else if (field === 2) addDimensions(name, tensor.shape, fields.bytes());
    else if (field === 4) tensor.content = fields.bytes();
    else fields.skip();
  }
  return tensor;
}

function addDimensions(name: string, shape: number[], message: Uint8Array): void {
  const fields = new FieldReader(message);
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field !== 2) {
      fields.skip();
      continue;
    }
    const size = dimensionOf(fields.bytes());
    if (size < 0n || size > BigInt(limits.tensorElements) || shape.length === limits.tensorRank) {
      throw new CoveyError('INPUT_INVALID', `input ${name}: its shape is out of range`);
    }
    shape.push(Number(size));
  }
}

function dimensionOf(message: Uint8Array): bigint {
  let size = 0n;
  const fields = new FieldReader(message);
  for (let field = fields.next(); field !== 0; field = fields.next()) {
    if (field === 1) size = fields.int64();
    else fields.skip();
  }
  return size;
}

/** The tensor for an input. Errors: INPUT_INVALID, PAYLOAD_TOO_LARGE, OVERLOADED, WIRE_MALFORMED. */
export function tensorFrom(spec: TensorSpec, proto: TensorMessage, inPlace: Realigner, lease: Lease): Tensor {
  const { name, datatype } = spec;
  const { dtype, field } = forms[datatype];
  const { shape, content, message } = proto;
  if (proto.dtype !== dtype) {
    throw new CoveyError(
      'INPUT_INVALID',
      `input ${name}: expected ${nameOf(dtype)}, got ${nameOf(proto.dtype)}`,
    );
  }
  checkForm(spec, { datatype, shape });
  // With nothing in it, the elements are in their list.
  if (content !== undefined && content.byteLength > 0) {
    if (datatype === 'BYTES')
      throw new CoveyError('INPUT_INVALID', `input ${name}: texts are sent in string_val`);
    return { datatype, shape, data: inPlace.aligned(content, datatype) };
  }
  function* occurrences() {
    const fields = new FieldReader(message);
    for (let found = fields.next(); found !== 0; found = fields.next()) {
      if (found !== field) fields.skip();
      else yield datatype === 'BYTES' ? fields.bytes() : fields.packed();
    }
  }
  const input = { name, datatype, count: elementCount(shape), fill: true };
  return { datatype, shape, data: elementsFrom(input, occurrences, lease) };
}

function nameOf(dtype: number): string {
  return Object.entries(DataType).find(([, value]) => value === dtype)?.[0] ?? `type ${dtype}`;
}

/** A TensorProto with its elements in the list of their type, which is what TensorFlow Serving answers with. */
function tensorParts({ datatype, shape, data }: Tensor): Parts {
  const { dtype, field } = forms[datatype];
  const head = new BinaryWriter().tag(1, WireType.Varint).int32(dtype);
  head.tag(2, WireType.LengthDelimited).fork();
  for (const size of shape)
    head.tag(2, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int64(size).join();
  head.join();
  if (datatype === 'BYTES') {
    for (const text of decodeElements(data, elementCount(shape)))
      head.tag(field, WireType.LengthDelimited).bytes(text);
    return [head.finish()];
  }
  const elements = datatype === 'FP32' || datatype === 'FP64' ? data : varintsOf(datatype, data);
  return [head.tag(field, WireType.LengthDelimited).uint32(elements.byteLength).finish(), elements];
}

function varintsOf(datatype: Exclude<Datatype, 'BYTES'>, data: Uint8Array): Uint8Array {
  const writer = new BinaryWriter();
  for (const element of elementsOf(datatype, data)) {
    if (datatype === 'UINT64') writer.uint64(element);
    else writer.int64(element);
  }
  return writer.finish();
}

/** One entry of a `map<string, TensorProto>` in field `field`. */
export function mapEntryParts(field: number, name: string, tensor: Tensor): Parts {
  const value = tensorParts(tensor);
  const key = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name);
  const entry: Parts = [key.tag(2, WireType.LengthDelimited).uint32(sizeOf(value)).finish(), ...value];
  return [new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(sizeOf(entry)).finish(), ...entry];
}
