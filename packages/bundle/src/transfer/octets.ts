import { Mixture } from './mixture.ts';
import type { BitCoder } from './range-coder.ts';

const inputs = 8;
/** Bytes in a row that point to where they stood before. */
const anchor = 5;
const longest = 31;
/** A match this long is kept, whatever else there is. */
const settled = 16;

/**
 * Codes bytes of any kind by the one to four before them, by what followed them where they stood before, in a window of
 * the base or in this segment, and by where they stand in a word of four.
 */
export class OctetModel {
  readonly #mixture: Mixture;
  /** Each input has 2^bits cells, by how many bytes there are. */
  readonly #bits: number;
  /** Where bytes stood before, by their hash: in this segment, one added; in the window. */
  readonly #places = new Int32Array(1 << 16);
  readonly #placesInWindow = new Int32Array(1 << 16);

  constructor(targetBytes: number) {
    this.#bits = Math.max(12, Math.min(18, 35 - Math.clz32(targetBytes)));
    this.#mixture = new Mixture(inputs, 256 * 4, inputs << this.#bits, 250);
  }

  /** `target` is read by a writer and filled by a reader from `from` to `to`. What lies before `from` is history. */
  code(coder: BitCoder, target: Uint8Array, from: number, to: number, window: Uint8Array): void {
    this.#placesInWindow.fill(0);
    for (let i = anchor; i < window.byteLength; i++) this.#placesInWindow[anchored(window, i)] = i;
    // The window is where these bytes stood before, as far as anyone knows.
    let [source, match, run] = [window, window.byteLength > 0 ? 0 : -1, 0];
    for (let i = from; i < to; i++) {
      if (i >= anchor) {
        const place = anchored(target, i);
        if (run < settled) {
          const here = (this.#places[place] as number) - 1;
          const there = this.#placesInWindow[place] as number;
          const inWindow = there > 0 ? matched(window, there, target, i) : 0;
          const inSegment = here > 0 ? matched(target, here, target, i) : 0;
          if (inWindow > run && inWindow >= inSegment) [source, match, run] = [window, there, inWindow];
          else if (inSegment > run) [source, match, run] = [target, here, inSegment];
        }
        this.#places[place] = i + 1;
      }
      const end = source === target ? i : source.byteLength;
      const guess = match >= 0 && match < end ? (source[match] as number) : -1;
      const byte = this.#codeByte(coder, target, i, guess, run);
      target[i] = byte;
      run = byte === guess ? Math.min(longest, run + 1) : 0;
      if (match >= 0) match++;
    }
  }

  #codeByte(coder: BitCoder, target: Uint8Array, i: number, guess: number, run: number): number {
    const { slots } = this.#mixture;
    const byte = target[i] as number;
    const one = target[i - 1] ?? 0;
    const two = (target[i - 2] ?? 0) | (one << 8);
    const three = (target[i - 3] ?? 0) | (two << 8);
    const four = Math.imul((target[i - 4] ?? 0) + 1, 0x2f0b4c47) ^ three;
    const sure = guess < 0 ? 0 : run === 0 ? 1 : run < 4 ? 2 : run < settled ? 3 : 4;
    slots[0] = this.#slotOf(0, one);
    slots[1] = this.#slotOf(1, two);
    slots[2] = this.#slotOf(2, three);
    slots[3] = this.#slotOf(3, four);
    slots[4] = this.#slotOf(4, (guess + 1) * 8 + sure);
    slots[5] = this.#slotOf(5, (guess + 1) * 256 + one);
    slots[6] = this.#slotOf(6, i & 3);
    slots[7] = this.#slotOf(7, ((i & 3) << 8) | (target[i - 4] ?? 0));
    let node = 1;
    const set = Math.min(3, sure) * 256;
    for (let k = 7; k >= 0; k--)
      node = (node << 1) | this.#mixture.code(coder, (byte >>> k) & 1, node, set + node);
    return node & 255;
  }

  /** The 256 cells of a context, which others may share. */
  #slotOf(input: number, context: number): number {
    const hash = Math.imul(context + 1, 0x9e3779b1) >>> (40 - this.#bits);
    return (input << this.#bits) + hash * 256;
  }
}

function anchored(bytes: Uint8Array, end: number): number {
  let hash = 0;
  for (let k = end - anchor; k < end; k++) hash = Math.imul(hash ^ (bytes[k] as number), 0x2c1b3c6d);
  return hash >>> 16;
}

function matched(bytes: Uint8Array, place: number, target: Uint8Array, end: number): number {
  let length = 0;
  while (length < longest && place > length && bytes[place - length - 1] === target[end - length - 1])
    length++;
  return length;
}
