import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { CoveyError } from '@covey/protocol';

/** Messages, strings and unknown fields in one model: each becomes an object of a few hundred bytes. */
const maxParts = 4 * 1024 * 1024;
/** Numbers listed one by one outside raw_data: each becomes up to 32 bytes, from one byte on the wire. */
const maxListedNumbers = 32 * 1024 * 1024;
/** Graphs nest in attributes (If, Loop); the decoder's own bound is the same. */
const maxDepth = 100;

interface Walk {
  reader: BinaryReader;
  parts: number;
  listedNumbers: number;
}

/**
 * Walks protobuf `bytes` as a message of `message` without decoding them, so that a hostile file costs one scan and no
 * memory. Errors: MODEL_INVALID (truncated, or not protobuf of this shape), PAYLOAD_TOO_LARGE (would decode to too much).
 */
export function checkWire(message: DescMessage, bytes: Uint8Array): void {
  const walk: Walk = { reader: new BinaryReader(bytes), parts: 0, listedNumbers: 0 };
  try {
    walkMessage(walk, message, bytes.byteLength, 1);
  } catch (cause) {
    if (cause instanceof CoveyError) throw cause;
    throw new CoveyError('MODEL_INVALID', `not an ONNX file: no protobuf at byte ${walk.reader.pos}`, {
      cause,
    });
  }
}

function walkMessage(walk: Walk, message: DescMessage, end: number, depth: number): void {
  if (depth > maxDepth)
    throw new CoveyError('MODEL_INVALID', `not an ONNX file: nested deeper than ${maxDepth}`);
  while (walk.reader.pos < end) {
    const [number, wireType] = walk.reader.tag();
    const field = message.fields.find((candidate) => candidate.number === number);
    if (wireType === WireType.LengthDelimited) walkDelimited(walk, field, end, depth);
    else walkScalar(walk, field, wireType, end);
    if (walk.parts > maxParts || walk.listedNumbers > maxListedNumbers) {
      throw new CoveyError(
        'PAYLOAD_TOO_LARGE',
        `the model lists more than ${maxParts} parts or ${maxListedNumbers} numbers outside raw_data`,
      );
    }
  }
}

function walkDelimited(walk: Walk, field: DescField | undefined, parentEnd: number, depth: number): void {
  const sizeBytes = walk.reader.uint32();
  const end = walk.reader.pos + sizeBytes;
  if (end > parentEnd) throw truncated(walk);
  if (field?.message) walkMessage(walk, field.message, end, depth + 1);
  const numberBytes = leastNumberBytes(field);
  if (numberBytes === undefined) walk.parts++;
  else walk.listedNumbers += sizeBytes / numberBytes;
  walk.reader.pos = end;
}

function walkScalar(walk: Walk, field: DescField | undefined, wireType: WireType, end: number): void {
  if (wireType === WireType.Varint) walk.reader.uint64();
  else if (wireType === WireType.Bit32) walk.reader.pos += 4;
  else if (wireType === WireType.Bit64) walk.reader.pos += 8;
  else throw new CoveyError('MODEL_INVALID', 'not an ONNX file: it holds a protobuf group');
  if (walk.reader.pos > end) throw truncated(walk);
  if (field) walk.listedNumbers++;
  else walk.parts++;
}

/** The least bytes a number of a packed list takes, or undefined where `field` is no list of numbers. */
function leastNumberBytes(field: DescField | undefined): number | undefined {
  if (field?.fieldKind !== 'list' || field.listKind === 'message') return undefined;
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return undefined;
    case ScalarType.FLOAT:
      return 4;
    case ScalarType.DOUBLE:
      return 8;
    default:
      return 1;
  }
}

function truncated(walk: Walk): CoveyError {
  return new CoveyError(
    'MODEL_INVALID',
    `the ONNX file is truncated or damaged near byte ${walk.reader.pos}`,
  );
}
