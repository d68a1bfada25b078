import { corrupt } from './format.ts';

/**
 * A binary arithmetic coder. `code` takes the bit to write and the probability of a one in 1/65536 (1 to 65535), and
 * answers the bit: writers the one given, readers the one that was written. So a model is one function for both ways.
 */
export interface BitCoder {
  code(bit: number, probability: number): number;
}

/** Carryless range coder of 32 bits (M. Mahoney, "Adaptive weighing of context models", 2005, section 2). */
export class BitWriter implements BitCoder {
  #low = 0;
  #high = 0xffffffff;
  #bytes = new Uint8Array(4_096);
  #sizeBytes = 0;

  code(bit: number, probability: number): number {
    const middle = split(this.#low, this.#high, probability);
    if (bit) this.#high = middle;
    else this.#low = middle + 1;
    while ((this.#low ^ this.#high) >>> 24 === 0) {
      this.#put(this.#high >>> 24);
      this.#low = (this.#low << 8) >>> 0;
      this.#high = ((this.#high << 8) | 255) >>> 0;
    }
    return bit;
  }

  /** Call once, at the end: one byte that lies between the bounds, as if zeros followed it. */
  finish(): Uint8Array {
    this.#put((this.#low >>> 24) + (this.#low & 0xffffff ? 1 : 0));
    return this.#bytes.subarray(0, this.#sizeBytes);
  }

  #put(byte: number): void {
    if (this.#sizeBytes === this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#sizeBytes++] = byte;
  }
}

/** Reads what BitWriter wrote, and nothing else: other bytes decode to something, but their end is not met. */
export class BitReader implements BitCoder {
  readonly #bytes: Uint8Array;
  #low = 0;
  #high = 0xffffffff;
  #value = 0;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
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

  /** Errors: BUNDLE_CORRUPT unless everything was read. */
  finish(): void {
    if (this.#at !== this.#bytes.length + 3) throw corrupt('a segment does not end where it should');
  }

  #take(): void {
    if (this.#at > this.#bytes.length + 2) throw corrupt('a segment is cut off');
    this.#value = ((this.#value << 8) | (this.#bytes[this.#at++] ?? 0)) >>> 0;
  }
}

/** Writes nothing, and adds up what writing would take. */
export class BitMeter implements BitCoder {
  bits = 0;
  code(bit: number, probability: number): number {
    this.bits -= Math.log2((bit ? probability : 65_536 - probability) / 65_536);
    return bit;
  }
}

/** The last value of a one; zeros lie above it. */
function split(low: number, high: number, probability: number): number {
  const range = high - low;
  return low + (range >>> 16) * probability + (((range & 0xffff) * probability) >>> 16);
}
