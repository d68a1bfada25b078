import { type BundleFile, CoveyError, limits } from '@covey/protocol';
import { readVarint, writeVarint } from './varint.ts';

/** What a transfer is made for: the size of a file and of its chunks, as the manifest says them. */
export type TransferTarget = Pick<BundleFile, 'sizeBytes'> & {
  chunks: readonly Pick<BundleFile['chunks'][number], 'sizeBytes'>[];
};

/** A part of a transfer that is decoded alone. Offsets and sizes in bytes. */
export interface TransferSegment {
  /** Where it lies in the transfer: what an HTTP range asks for. */
  offset: number;
  sizeBytes: number;
  /** What it decodes to: whole chunks of the target, at most 1 MiB. */
  targetOffset: number;
  targetBytes: number;
  firstChunk: number;
  chunkCount: number;
}

/** The header of a transfer, checked against the file it is for. */
export interface Transfer {
  /** Of the whole transfer, header included. */
  sizeBytes: number;
  /** Of the base file that it needs; 0: none. */
  baseBytes: number;
  segments: readonly TransferSegment[];
}

/** Bytes that say how long the header is; a first range of `headerGuessBytes` nearly always holds all of it. */
const headerStartBytes = 8;
export const headerGuessBytes = 4_096;
const headerLimitBytes = 1024 * 1024;
/** "CVT" and the version of the codec, which is a part of a transfer's name wherever one is kept. */
export const codecVersion = 1;
const magic = [0x43, 0x56, 0x54, 0x30 + codecVersion];

/** The largest encoded form of `targetBytes`: what a device sets aside for one segment. */
export function segmentLimit(targetBytes: number): number {
  return targetBytes + Math.ceil(targetBytes / 16) + 1_024;
}

/** Length of the header that begins with these bytes, 8 at least. Errors: BUNDLE_CORRUPT. */
export function headerBytesOf(start: Uint8Array): number {
  if (start.byteLength < headerStartBytes) throw corrupt('its header is cut off');
  if (magic.some((byte, i) => start[i] !== byte)) throw corrupt('it is none, or of another version');
  const headerBytes = new DataView(start.buffer, start.byteOffset).getUint32(4, true);
  if (headerBytes < headerStartBytes || headerBytes > headerLimitBytes)
    throw corrupt(`its header claims ${headerBytes} bytes`);
  return headerBytes;
}

/**
 * Reads a header, `headerBytesOf` bytes at least, as one for this file and a base of `baseBytes` (0 where the device has
 * none). Errors: BUNDLE_CORRUPT for any other, and for segments that are too large or do not cover whole chunks in order.
 */
export function openTransfer(bytes: Uint8Array, target: TransferTarget, baseBytes: number): Transfer {
  const headerBytes = headerBytesOf(bytes);
  if (bytes.byteLength < headerBytes) throw corrupt('its header is cut off');
  const at = { bytes: bytes.subarray(0, headerBytes), offset: headerStartBytes };
  const [sizeBytes, needed, count] = [readVarint(at), readVarint(at), readVarint(at)];
  if (sizeBytes !== target.sizeBytes) throw corrupt('it is for a file of another size');
  if (needed !== 0 && needed !== baseBytes) throw corrupt('it is for another base');
  const segments: TransferSegment[] = [];
  let [offset, targetOffset, chunk] = [headerBytes, 0, 0];
  for (let i = 0; i < count; i++) {
    const [chunkCount, encodedBytes] = [readVarint(at), readVarint(at)];
    if (chunkCount < 1 || chunkCount > target.chunks.length - chunk) throw corrupt('it has too many chunks');
    const targetBytes = sum(target.chunks, chunk, chunk + chunkCount);
    if (targetBytes > limits.chunkBytes || encodedBytes > segmentLimit(targetBytes))
      throw corrupt('a segment is too large');
    const where = { offset, sizeBytes: encodedBytes, targetOffset, targetBytes };
    segments.push({ ...where, firstChunk: chunk, chunkCount });
    offset += encodedBytes;
    targetOffset += targetBytes;
    chunk += chunkCount;
  }
  if (chunk !== target.chunks.length || at.offset !== headerBytes) throw corrupt('its index does not add up');
  return { sizeBytes: offset, baseBytes: needed, segments };
}

/** The segments still to be fetched where the target is whole up to `chunk`. */
export function segmentsFrom(transfer: Transfer, chunk: number): readonly TransferSegment[] {
  return transfer.segments.filter(({ firstChunk, chunkCount }) => firstChunk + chunkCount > chunk);
}

/** How many chunks each segment takes: as many as fit into 1 MiB. */
export function groupChunks({ chunks }: TransferTarget): number[] {
  const counts: number[] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const { sizeBytes } of chunks) {
    bytes += sizeBytes;
    if (bytes > limits.chunkBytes) {
      counts.push(0);
      bytes = sizeBytes;
    }
    counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1;
  }
  return counts;
}

/** The header before segments of these chunk counts and encoded sizes. */
export function writeHeader(
  sizeBytes: number,
  baseBytes: number,
  segments: readonly { chunkCount: number; sizeBytes: number }[],
): Uint8Array {
  const body: number[] = [];
  for (const value of [sizeBytes, baseBytes, segments.length]) writeVarint(body, value);
  for (const segment of segments) {
    writeVarint(body, segment.chunkCount);
    writeVarint(body, segment.sizeBytes);
  }
  const header = new Uint8Array(headerStartBytes + body.length);
  header.set(magic);
  new DataView(header.buffer).setUint32(4, header.byteLength, true);
  header.set(body, headerStartBytes);
  return header;
}

export function corrupt(what: string): CoveyError {
  return new CoveyError('BUNDLE_CORRUPT', `transfer: ${what}`);
}

function sum(chunks: TransferTarget['chunks'], from: number, to: number): number {
  let bytes = 0;
  for (let i = from; i < to; i++) bytes += chunks[i]?.sizeBytes ?? 0;
  return bytes;
}
