import { CoveyError } from '@covey/protocol';

/** Where a reader stands. */
interface Position {
  bytes: Uint8Array;
  offset: number;
}

/** LEB128 of up to 35 bits. Errors: BUNDLE_CORRUPT past the end, or longer than that. */
export function readVarint(at: Position): number {
  let value = 0;
  for (let scale = 1; scale < 2 ** 35; scale *= 128) {
    const byte = at.bytes[at.offset++];
    if (byte === undefined) break;
    value += (byte & 127) * scale;
    if (byte < 128) return value;
  }
  throw new CoveyError('BUNDLE_CORRUPT', 'transfer: its index is damaged');
}

/** Appends a whole number below 2^35. */
export function writeVarint(to: number[], value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) to.push((rest % 128) | 128);
  to.push(rest);
}
