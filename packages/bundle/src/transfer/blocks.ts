/** A range of the target that stands in the base, byte for byte. */
export interface Match {
  offset: number;
  baseOffset: number;
  sizeBytes: number;
}

const blockBytes = 32;
const shortest = 48;

/** Where the blocks of a file stand, by their hash: one in each 32 bytes, so whatever repeats 63 bytes of it is found. */
export class BlockIndex {
  readonly #bytes: Uint8Array;
  readonly #places: Int32Array;
  readonly #shift: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const bits = Math.max(4, 33 - Math.clz32(Math.max(1, bytes.byteLength / blockBytes)));
    this.#shift = 32 - bits;
    this.#places = new Int32Array(1 << bits);
    for (let at = 0; at + blockBytes <= bytes.byteLength; at += blockBytes) {
      const place = hashOf(bytes, at) >>> this.#shift;
      // The first of equal blocks stays, from which the longest match goes on.
      if (this.#places[place] === 0) this.#places[place] = at + 1;
    }
  }

  /** Matches of `target` from one offset to another, in order, none overlapping. */
  matches(target: Uint8Array, from: number, to: number): Match[] {
    const found: Match[] = [];
    let [free, at] = [from, from];
    let hash = at + blockBytes <= to ? hashOf(target, at) : 0;
    while (at + blockBytes <= to) {
      const match = this.#matchAt(target, hash, at, free, to);
      if (match) {
        found.push(match);
        free = match.offset + match.sizeBytes;
        at = free;
        if (at + blockBytes <= to) hash = hashOf(target, at);
        continue;
      }
      if (at + blockBytes < to) hash = rolled(hash, target[at] as number, target[at + blockBytes] as number);
      at++;
    }
    return found;
  }

  #matchAt(target: Uint8Array, hash: number, at: number, free: number, to: number): Match | undefined {
    const place = (this.#places[hash >>> this.#shift] as number) - 1;
    if (place < 0) return undefined;
    const base = this.#bytes;
    let length = 0;
    while (
      at + length < to &&
      place + length < base.byteLength &&
      target[at + length] === base[place + length]
    )
      length++;
    if (length < blockBytes) return undefined;
    let back = 0;
    while (at - back > free && place - back > 0 && target[at - back - 1] === base[place - back - 1]) back++;
    if (length + back < shortest) return undefined;
    return { offset: at - back, baseOffset: place - back, sizeBytes: length + back };
  }
}

/** A polynomial, so that it rolls on by one byte; the last multiplication brings what differs to the upper bits. */
const factor = 0x08088405;
const leaving = power(factor, blockBytes - 1);

function hashOf(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let k = 0; k < blockBytes; k++) hash = (Math.imul(hash, factor) + (bytes[at + k] as number)) >>> 0;
  return hash;
}

function rolled(hash: number, first: number, next: number): number {
  return (Math.imul(hash - Math.imul(first, leaving), factor) + next) >>> 0;
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let i = 0; i < exponent; i++) result = Math.imul(result, base);
  return result;
}
