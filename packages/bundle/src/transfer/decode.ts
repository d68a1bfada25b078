import type { TransferSegment } from './format.ts';

/** Gives `sizeBytes` bytes of the base file from `offset` on; the range lies inside the file. */
export type ReadBase = (offset: number, sizeBytes: number) => Uint8Array | Promise<Uint8Array>;

/**
 * The chunks that a segment holds, one after the other. `bytes` is the segment as it lies in the transfer; `readBase` is
 * asked for at most 2 MiB, all before the work, which then takes the thread for 0.1 to 0.5 s a MiB. What comes out is
 * worth nothing before each chunk is found to have its digest: another base, or damaged bytes, decode to something, too.
 * Errors: BUNDLE_CORRUPT, those of `readBase`.
 */
export async function decodeSegment(
  _segment: TransferSegment,
  _bytes: Uint8Array,
  _baseBytes: number,
  _readBase: ReadBase,
): Promise<Uint8Array> {
  throw new Error('follows');
}
