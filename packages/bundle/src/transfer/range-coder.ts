import { corrupt } from './format.ts';

/**
 * A binary arithmetic coder. `code` takes the bit to write and the probability of a one in 1/65536 (1 to 65535), and
 * answers the bit: writers the one given, readers the one that was written. So a model is one function for both ways.
 */
export interface BitCoder {
  code(bit: number, probability: number): number;
  /** The `count` lower bits of a number, 24 at most, as they are: what no model knows anything about. */
  raw(value: number, count: number): number;
}

/**
 * Carryless range coder of 32 bits (M. Mahoney, "Adaptive weighing of context models", 2005, section 2). Raw bits stand
 * behind what is coded, from the last byte backwards.
 */
export class BitWriter implements BitCoder {
  #low = 0;
  #high = 0xffffffff;
  readonly #coded = new ByteList();
  readonly #raw = new ByteList();
  #waiting = 0;
  #waitingBits = 0;

  code(bit: number, probability: number): number {
    const middle = split(this.#low, this.#high, probability);
    if (bit) this.#high = middle;
    else this.#low = middle + 1;
    while ((this.#low ^ this.#high) >>> 24 === 0) {
      this.#coded.add(this.#high >>> 24);
      this.#low = (this.#low << 8) >>> 0;
      this.#high = ((this.#high << 8) | 255) >>> 0;
    }
    return bit;
  }

  raw(value: number, count: number): number {
    this.#waiting |= value << this.#waitingBits;
    this.#waitingBits += count;
    for (; this.#waitingBits >= 8; this.#waitingBits -= 8) {
      this.#raw.add(this.#waiting & 255);
      this.#waiting >>>= 8;
    }
    return value;
  }

  /** Call once, at the end. */
  finish(): Uint8Array {
    const { value, count } = ending(this.#low, this.#high);
    for (let k = 0; k < count; k++) this.#coded.add((value >>> (24 - 8 * k)) & 255);
    if (this.#waitingBits > 0) this.#raw.add(this.#waiting);
    const [coded, raw] = [this.#coded.bytes(), this.#raw.bytes().reverse()];
    const all = new Uint8Array(coded.byteLength + raw.byteLength);
    all.set(coded);
    all.set(raw, coded.byteLength);
    return all;
  }
}

class ByteList {
  #bytes = new Uint8Array(4_096);
  #sizeBytes = 0;

  add(byte: number): void {
    if (this.#sizeBytes === this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#sizeBytes++] = byte;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#sizeBytes);
  }
}

/** Reads what BitWriter wrote, and nothing else: other bytes decode to something, but their end is not met. */
export class BitReader implements BitCoder {
  readonly #bytes: Uint8Array;
  #low = 0;
  #high = 0xffffffff;
  #value = 0;
  #at = 0;
  /** Where the raw bits that were read begin. */
  #end: number;
  #waiting = 0;
  #waitingBits = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.byteLength;
    for (let i = 0; i < 4; i++) this.#take();
  }

  /** Errors: BUNDLE_CORRUPT past the end. */
  code(_bit: number, probability: number): number {
    const middle = split(this.#low, this.#high, probability);
    const bit = this.#value <= middle ? 1 : 0;
    if (bit) this.#high = middle;
    else this.#low = middle + 1;
    while ((this.#low ^ this.#high) >>> 24 === 0) {
      this.#low = (this.#low << 8) >>> 0;
      this.#high = ((this.#high << 8) | 255) >>> 0;
      this.#take();
    }
    return bit;
  }

  /** Errors: BUNDLE_CORRUPT past the end. */
  raw(_value: number, count: number): number {
    while (this.#waitingBits < count) {
      if (this.#end === 0) throw corrupt('a segment is cut off');
      this.#waiting |= (this.#bytes[--this.#end] as number) << this.#waitingBits;
      this.#waitingBits += 8;
    }
    const value = this.#waiting & ((1 << count) - 1);
    this.#waiting >>>= count;
    this.#waitingBits -= count;
    return value;
  }

  /** Errors: BUNDLE_CORRUPT unless everything was read, and nothing twice. */
  finish(): void {
    const { count } = ending(this.#low, this.#high);
    if (this.#at - 4 + count !== this.#end) throw corrupt('a segment does not end where it should');
  }

  /** Reading ahead by up to three bytes is fine: where what is coded ends shows at the end. */
  #take(): void {
    if (this.#at > this.#bytes.length + 2) throw corrupt('a segment is cut off');
    const byte = this.#at < this.#bytes.length ? (this.#bytes[this.#at] as number) : 0;
    this.#value = ((this.#value << 8) | byte) >>> 0;
    this.#at++;
  }
}

/** Writes nothing, and adds up what writing would take. */
export class BitMeter implements BitCoder {
  bits = 0;
  code(bit: number, probability: number): number {
    this.bits -= Math.log2((bit ? probability : 65_536 - probability) / 65_536);
    return bit;
  }

  raw(value: number, count: number): number {
    this.bits += count;
    return value;
  }
}

/** The fewest bytes, from the highest, that lie between the bounds whatever follows them. */
function ending(low: number, high: number): { value: number; count: number } {
  for (let count = 1; count < 4; count++) {
    const step = 2 ** (32 - 8 * count);
    const value = Math.ceil(low / step) * step;
    if (value + step - 1 <= high) return { value, count };
  }
  return { value: low, count: 4 };
}

/** The last value of a one; zeros lie above it. */
function split(low: number, high: number, probability: number): number {
  const range = high - low;
  return low + (range >>> 16) * probability + (((range & 0xffff) * probability) >>> 16);
}
