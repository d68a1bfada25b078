import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { CoveyError } from '@covey/protocol';

/**
 * Fields of a protobuf message one by one, so that what a client repeats is counted before it is kept: decoding into objects
 * first turns 64 MB into gigabytes. Errors of all methods: WIRE_MALFORMED.
 */
export class FieldReader {
  readonly #reader: BinaryReader;
  #wire: WireType = WireType.Varint;

  constructor(bytes: Uint8Array) {
    this.#reader = new BinaryReader(bytes, decodeUtf8);
  }

  /** Number of the next field, or 0 at the end. */
  next(): number {
    if (this.#reader.pos >= this.#reader.len) return 0;
    const [field, wire] = guarded(() => this.#reader.tag());
    this.#wire = wire;
    return field;
  }

  /** Length-delimited content where it lies. */
  bytes(): Uint8Array {
    this.#expect(WireType.LengthDelimited);
    return guarded(() => this.#reader.bytes());
  }

  text(): string {
    this.#expect(WireType.LengthDelimited);
    return guarded(() => this.#reader.string());
  }

  int64(): bigint {
    this.#expect(WireType.Varint);
    return BigInt(guarded(() => this.#reader.int64()));
  }

  uint64(): bigint {
    this.#expect(WireType.Varint);
    return BigInt(guarded(() => this.#reader.uint64()));
  }

  double(): number {
    this.#expect(WireType.Bit64);
    return guarded(() => this.#reader.double());
  }

  /** Encoded numbers of a repeated field, packed or not: those of this occurrence. */
  packed(): Uint8Array {
    return this.#wire === WireType.LengthDelimited ? this.bytes() : this.skip();
  }

  /** Passes over a field. Gives its encoded value. */
  skip(): Uint8Array {
    if (this.#wire === WireType.StartGroup || this.#wire === WireType.EndGroup)
      throw malformed('it holds a group');
    return guarded(() => this.#reader.skip(this.#wire));
  }

  #expect(wire: WireType): void {
    if (this.#wire !== wire) throw malformed(`a field has wire type ${this.#wire} instead of ${wire}`);
  }
}

/** Reads a base-128 number of up to 64 bits; gives the position after it. Errors: WIRE_MALFORMED. */
export function readVarint(bytes: Uint8Array, from: number, into: { low: number; high: number }): number {
  let low = 0;
  let high = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[from + i];
    if (byte === undefined) break;
    const bits = byte & 0x7f;
    if (i < 4) low |= bits << (7 * i);
    else if (i === 4) {
      low |= bits << 28;
      high = bits >>> 4;
    } else high |= bits << (7 * i - 32);
    if (byte < 0x80) {
      into.low = low >>> 0;
      into.high = high >>> 0;
      return from + i + 1;
    }
  }
  throw malformed('it holds a number that does not end');
}

function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : String(cause));
  }
}

function malformed(why: string): CoveyError {
  return new CoveyError('WIRE_MALFORMED', `the message is not the protobuf message of this method: ${why}`);
}

/** TextDecoder refuses shared memory. */
function decodeUtf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
