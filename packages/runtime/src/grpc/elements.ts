import { CoveyError, type Datatype, elementBytes, limits } from '@covey/protocol';
import { elementsOf } from '../tensors/index.ts';
import { readVarint } from './fields.ts';
import type { Lease } from './memory.ts';

/** Encoded elements: each occurrence of the field that holds them, in order. Called again, it gives them again. */
export type Occurrences = () => Iterable<Uint8Array>;

/**
 * Elements of a repeated protobuf field as tensor bytes. `fill`: the last element stands for those that are missing, as
 * TensorFlow has it. Errors: INPUT_INVALID (another number of elements, an element out of range), PAYLOAD_TOO_LARGE.
 */
export function elementsFrom(
  input: { name: string; datatype: Datatype; count: number; fill: boolean },
  occurrences: Occurrences,
  lease: Lease,
): Uint8Array {
  const { name, datatype, count } = input;
  if (datatype === 'BYTES') return textsFrom(name, count, occurrences, lease);
  const sizeBytes = count * elementBytes[datatype];
  if (sizeBytes > limits.inferenceBodyBytes) throw tooLarge(name, sizeBytes);
  const data = lease.take(sizeBytes);
  const filled =
    datatype === 'FP32' || datatype === 'FP64'
      ? copyFloats(input, occurrences, data, elementBytes[datatype])
      : decodeIntegers(input, occurrences, data);
  if (filled < count && !(input.fill && filled > 0)) throw otherCount(name, count, `${filled}`);
  const elements = elementsOf(datatype, data);
  for (let at = filled; at < count; at++) elements[at] = elements[filled - 1] ?? 0;
  return data;
}

interface Input {
  name: string;
  datatype: Datatype;
  count: number;
}

/** Floating point elements are on the wire as in the tensor. */
function copyFloats(
  { name, count }: Input,
  occurrences: Occurrences,
  data: Uint8Array,
  width: number,
): number {
  let offset = 0;
  for (const part of occurrences()) {
    if (part.byteLength % width !== 0) {
      throw new CoveyError('INPUT_INVALID', `input ${name}: its elements take ${width} bytes each`);
    }
    if (offset + part.byteLength > data.byteLength) throw otherCount(name, count, 'more');
    data.set(part, offset);
    offset += part.byteLength;
  }
  return offset / width;
}

/** Smallest and largest value of the types that protobuf has no integer of their own size for. */
const ranges: Partial<Record<Datatype, readonly [number, number]>> = {
  BOOL: [0, 1],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  FP16: [0, 65_535],
};

function decodeIntegers(input: Input, occurrences: Occurrences, data: Uint8Array): number {
  const { name, datatype, count } = input;
  const is64 = datatype === 'INT64' || datatype === 'UINT64';
  const words = new Uint32Array(data.buffer, data.byteOffset, is64 ? count * 2 : 0);
  const elements = elementsOf(datatype as Exclude<Datatype, 'BYTES'>, data);
  const range = ranges[datatype];
  const varint = { low: 0, high: 0 };
  let at = 0;
  for (const part of occurrences()) {
    for (let position = 0; position < part.byteLength; at++) {
      if (at >= count) throw otherCount(name, count, 'more');
      position = readVarint(part, position, varint);
      if (is64) {
        words[2 * at] = varint.low;
        words[2 * at + 1] = varint.high;
        continue;
      }
      const value = datatype === 'BOOL' ? Number((varint.low | varint.high) !== 0) : varint.low | 0;
      if (range !== undefined && (value < range[0] || value > range[1])) {
        throw new CoveyError(
          'INPUT_INVALID',
          `input ${name}: element ${at} is ${value}, which is no ${datatype}`,
        );
      }
      elements[at] = value;
    }
  }
  return at;
}

/** BYTES elements, each with its length before it. Twice over the message, so that no list of them is kept. */
function textsFrom(name: string, count: number, occurrences: Occurrences, lease: Lease): Uint8Array {
  let sizeBytes = 0;
  let found = 0;
  for (const { byteLength } of occurrences()) {
    sizeBytes += 4 + byteLength;
    if (sizeBytes > limits.inferenceBodyBytes) throw tooLarge(name, sizeBytes);
    found++;
  }
  if (found !== count) throw otherCount(name, count, `${found}`);
  const data = lease.take(sizeBytes);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let offset = 0;
  for (const text of occurrences()) {
    view.setUint32(offset, text.byteLength, true);
    data.set(text, offset + 4);
    offset += 4 + text.byteLength;
  }
  return data;
}

function otherCount(name: string, count: number, got: string): CoveyError {
  return new CoveyError(
    'INPUT_INVALID',
    `input ${name}: its shape holds ${count} elements, the contents ${got}`,
  );
}

function tooLarge(name: string, sizeBytes: number): CoveyError {
  const message = `input ${name}: its elements take ${sizeBytes} bytes, the limit is ${limits.inferenceBodyBytes}`;
  return new CoveyError('PAYLOAD_TOO_LARGE', message);
}
