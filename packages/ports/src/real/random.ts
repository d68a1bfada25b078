import { randomBytes } from 'node:crypto';
import type { Random } from '../ports.ts';

/** The kernel's random numbers. */
export const systemRandom: Random = {
  bytes: (count) => new Uint8Array(randomBytes(count)),
  fraction: () => randomBytes(4).readUInt32LE() / 2 ** 32,
};
