import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { CoveyError } from '@covey/protocol';

/** Messages, strings and unknown fields in one model: each becomes an object of some hundred bytes. */
const maxParts = 1024 * 1024;
/** Numbers listed as varints outside raw_data: each becomes 8 bytes, from one byte on the wire. */
const maxListedNumbers = 32 * 1024 * 1024;
/** Graphs nest in attributes (If, Loop): a graph, a node and an attribute each time. */
const maxDepth = 100;

/** Reads protobuf by hand, so that tensors stay views into the file; bounded in what it makes of a hostile one. */
export class WireReader {
  readonly #reader: BinaryReader;
  readonly #bytes: Uint8Array;
  #parts = 0;
  #listedNumbers = 0;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    // A Buffer would hand on its slice(), which copies nothing, to every view of it.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#reader = new BinaryReader(this.#bytes);
  }

  get position(): number {
    return this.#reader.pos;
  }

  /**
   * Calls `field` for every field of a message that ends at `end`; `field` reads its value, or answers false and the
   * field is skipped. Returns what was skipped, tags included, or undefined.
   * Errors: MODEL_INVALID (truncated, nested too deep), PAYLOAD_TOO_LARGE.
   */
  fields(end: number, field: (number: number, wireType: WireType) => boolean): Uint8Array | undefined {
    if (++this.#depth > maxDepth)
      throw new CoveyError('MODEL_INVALID', `the ONNX file is nested deeper than ${maxDepth}`);
    const skipped: Uint8Array[] = [];
    while (this.#reader.pos < end) {
      const start = this.#reader.pos;
      const [number, wireType] = this.#reader.tag();
      if (!field(number, wireType)) {
        this.#skip(wireType, end);
        skipped.push(this.#bytes.subarray(start, this.#reader.pos));
        this.#countPart();
      }
      if (this.#reader.pos > end) throw this.#truncated();
    }
    this.#depth--;
    return skipped.length === 0 ? undefined : concat(skipped);
  }

  /** A nested message: `read` gets the position where it ends. */
  message<T>(parentEnd: number, read: (end: number) => T): T {
    this.#countPart();
    return read(this.#lengthEnd(parentEnd));
  }

  bytes(end: number): Uint8Array {
    this.#countPart();
    const stop = this.#lengthEnd(end);
    const bytes = this.#bytes.subarray(this.#reader.pos, stop);
    this.#reader.pos = stop;
    return bytes;
  }

  text(end: number): string {
    const bytes = this.bytes(end);
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new CoveyError(
        'MODEL_INVALID',
        `the ONNX file has text that is not UTF-8 before byte ${this.#reader.pos}`,
        { cause },
      );
    }
  }

  float(): number {
    return this.#reader.float();
  }

  /** A varint as a signed 64-bit integer. */
  int64(): bigint {
    return BigInt(this.#reader.int64());
  }

  /** A varint that must be a whole number JavaScript holds exactly. Errors: MODEL_INVALID. */
  integer(): number {
    const value = Number(this.int64());
    if (!Number.isSafeInteger(value))
      throw new CoveyError(
        'MODEL_INVALID',
        `the ONNX file has an absurd size or version before byte ${this.#reader.pos}`,
      );
    return value;
  }

  /** A list of varints, packed or one of many: appended to `list`. */
  varints(list: bigint[], wireType: WireType, end: number): void {
    const stop = wireType === WireType.LengthDelimited ? this.#lengthEnd(end) : this.#reader.pos + 1;
    while (this.#reader.pos < stop) {
      list.push(this.int64());
      if (++this.#listedNumbers > maxListedNumbers)
        throw new CoveyError(
          'PAYLOAD_TOO_LARGE',
          `the model lists more than ${maxListedNumbers} numbers outside raw_data`,
        );
    }
  }

  /** A list of fixed-size numbers: packed it is one view, else the bytes of one number. */
  fixed(list: Uint8Array[], sizeBytes: 4 | 8, wireType: WireType, end: number): void {
    if (wireType === WireType.LengthDelimited) {
      const bytes = this.bytes(end);
      if (bytes.byteLength % sizeBytes !== 0) throw this.#truncated();
      list.push(bytes);
      return;
    }
    const start = this.#reader.pos;
    this.#reader.pos += sizeBytes;
    if (this.#reader.pos > end) throw this.#truncated();
    this.#countPart();
    list.push(this.#bytes.subarray(start, this.#reader.pos));
  }

  #lengthEnd(parentEnd: number): number {
    const sizeBytes = this.#reader.uint32();
    const end = this.#reader.pos + sizeBytes;
    if (end > parentEnd) throw this.#truncated();
    return end;
  }

  #skip(wireType: WireType, end: number): void {
    if (wireType === WireType.Varint) this.#reader.uint64();
    else if (wireType === WireType.Bit32) this.#reader.pos += 4;
    else if (wireType === WireType.Bit64) this.#reader.pos += 8;
    else if (wireType === WireType.LengthDelimited) this.#reader.pos = this.#lengthEnd(end);
    else throw new CoveyError('MODEL_INVALID', 'not an ONNX file: it holds a protobuf group');
  }

  #countPart(): void {
    if (++this.#parts > maxParts)
      throw new CoveyError('PAYLOAD_TOO_LARGE', `the model has more than ${maxParts} parts`);
  }

  #truncated(): CoveyError {
    return new CoveyError(
      'MODEL_INVALID',
      `the ONNX file is truncated or damaged near byte ${this.#reader.pos}`,
    );
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** One array of the bytes of several; the only one itself. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const all = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.byteLength;
  }
  return all;
}
