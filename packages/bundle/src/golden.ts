import {
  CoveyError,
  canonicalJson,
  elementBytes,
  elementCount,
  type Golden,
  GoldenSchema,
  limits,
  type ModelSchema,
  parseDocument,
  type Tensor,
  type TensorDocument,
  type TensorSpec,
} from '@covey/protocol';
import { decodeBase64, encodeBase64 } from './base64.ts';

/** Inputs with the outputs that the publisher's own run gave for them, by name. */
export interface GoldenVector {
  inputs: Record<string, Tensor>;
  outputs: Record<string, Tensor>;
}

/** Golden vectors as canonical JSON. Errors: INVALID_DOCUMENT for data that does not fill its shape, PAYLOAD_TOO_LARGE. */
export function encodeGolden(vectors: readonly GoldenVector[]): Uint8Array {
  const golden: Golden = {
    format: 'covey-golden/1',
    vectors: vectors.map(({ inputs, outputs }) => ({
      inputs: mapValues(inputs, encodeTensor),
      outputs: mapValues(outputs, encodeTensor),
    })),
  };
  const bytes = new TextEncoder().encode(canonicalJson(golden));
  // Reading it back refuses here what would be refused on the device.
  parseGolden(bytes);
  return bytes;
}

/** Errors: INVALID_DOCUMENT for anything but tensors whose data fills their shape, WIRE_MALFORMED, PAYLOAD_TOO_LARGE. */
export function parseGolden(bytes: Uint8Array): GoldenVector[] {
  const golden = parseDocument(GoldenSchema, bytes, 'golden vectors', limits.goldenBytes);
  return golden.vectors.map(({ inputs, outputs }) => ({
    inputs: mapValues(inputs, parseTensor),
    outputs: mapValues(outputs, parseTensor),
  }));
}

/** Errors: INVALID_DOCUMENT unless every vector gives all inputs and at least one output, of the schema's types and shapes. */
export function checkGolden(vectors: readonly GoldenVector[], schema: ModelSchema): void {
  vectors.forEach(({ inputs, outputs }, i) => {
    for (const { name } of schema.inputs) {
      if (!Object.hasOwn(inputs, name)) throw wrong(`vector ${i}: input "${name}" is missing`);
    }
    if (Object.keys(outputs).length === 0) throw wrong(`vector ${i}: no outputs`);
    for (const [name, tensor] of Object.entries(inputs))
      checkSpec(`vector ${i}`, name, tensor, schema.inputs);
    for (const [name, tensor] of Object.entries(outputs))
      checkSpec(`vector ${i}`, name, tensor, schema.outputs);
  });
}

function checkSpec(where: string, name: string, tensor: Tensor, specs: readonly TensorSpec[]): void {
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec === undefined) throw wrong(`${where}: the schema has no "${name}"`);
  const fits =
    spec.datatype === tensor.datatype &&
    spec.shape.length === tensor.shape.length &&
    spec.shape.every((dimension, i) => dimension === -1 || dimension === tensor.shape[i]);
  if (!fits) {
    const given = `${tensor.datatype} [${tensor.shape}]`;
    throw wrong(`${where}: "${name}" is ${given}, the schema says ${spec.datatype} [${spec.shape}]`);
  }
}

function encodeTensor({ datatype, shape, data }: Tensor): TensorDocument {
  return { datatype, shape, data: encodeBase64(data) };
}

function parseTensor({ datatype, shape, data }: TensorDocument, name: string): Tensor {
  const bytes = decodeBase64(data);
  if (bytes === undefined) throw wrong(`"${name}" is not base64`);
  const expected = elementCount(shape);
  const found = datatype === 'BYTES' ? countByteStrings(bytes) : bytes.byteLength / elementBytes[datatype];
  if (found !== expected) throw wrong(`the data of "${name}" does not fill its shape [${shape}]`);
  return { datatype, shape, data: bytes };
}

/** Elements of a BYTES tensor: each a u32 length, little-endian, and its bytes. NaN when they do not end with the data. */
function countByteStrings(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let count = 0;
  let offset = 0;
  for (; offset + 4 <= view.byteLength; count++) offset += 4 + view.getUint32(offset, true);
  return offset === view.byteLength ? count : Number.NaN;
}

function mapValues<From, To>(
  record: Record<string, From>,
  map: (value: From, name: string) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]));
}

function wrong(what: string): CoveyError {
  return new CoveyError('INVALID_DOCUMENT', `golden vectors: ${what}`);
}
