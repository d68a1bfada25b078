import { codeBit, newCells } from './mixture.ts';
import type { BitCoder } from './range-coder.ts';
import type { PlainShape } from './spans.ts';

const values = 256;

/**
 * Codes bytes each for itself, by how often each value comes at its place in a word: all that is to be had of weights that
 * follow from nothing, for a tenth of the time that contexts take or less. `target` is read by a writer and filled by a reader.
 */
export function codePlain(coder: BitCoder, target: Uint8Array, { noise }: PlainShape): void {
  if (noise.every((bits) => bits === 8)) {
    codeRaw(coder, target);
    return;
  }
  const cells = newCells(noise.length * values);
  for (let i = 0, place = 0; i < target.byteLength; i++) {
    const byte = target[i] as number;
    const low = noise[place] as number;
    let node = 1;
    for (let k = 7; k >= low; k--)
      node = (node << 1) | codeBit(coder, (byte >>> k) & 1, cells, place * values + node, 500);
    target[i] = low === 0 ? node : (node << low) | coder.raw(byte & ((1 << low) - 1), low);
    place = place + 1 === noise.length ? 0 : place + 1;
  }
}

/** Three bytes at a time. */
function codeRaw(coder: BitCoder, target: Uint8Array): void {
  let i = 0;
  for (; i + 3 <= target.byteLength; i += 3) {
    const [low, middle, high] = [target[i] as number, target[i + 1] as number, target[i + 2] as number];
    const word = coder.raw(low | (middle << 8) | (high << 16), 24);
    target[i] = word;
    target[i + 1] = word >>> 8;
    target[i + 2] = word >>> 16;
  }
  for (; i < target.byteLength; i++) target[i] = coder.raw(target[i] as number, 8);
}
