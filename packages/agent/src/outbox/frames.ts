import { crc32 } from 'node:zlib';
import { type OutKind, outKinds } from './encode.ts';

/**
 * A frame in a segment, big-endian: u32 length of what follows the checksum, u32 CRC-32 of it, then u8 kind, u64 seq and
 * the payload.
 */
export interface Frame {
  seq: number;
  kind: OutKind;
  payload: Uint8Array;
}
export interface PlacedFrame extends Frame {
  /** Of the whole frame in its segment. */
  offset: number;
  sizeBytes: number;
}

const prefixBytes = 8;
const headBytes = 9;
export const minFrameBytes = prefixBytes + headBytes;

export function encodeFrame({ seq, kind, payload }: Frame): Uint8Array {
  const frame = Buffer.alloc(minFrameBytes + payload.byteLength);
  frame.writeUInt32BE(headBytes + payload.byteLength, 0);
  frame.writeUInt8(outKinds.indexOf(kind), prefixBytes);
  frame.writeBigUInt64BE(BigInt(seq), prefixBytes + 1);
  frame.set(payload, minFrameBytes);
  frame.writeUInt32BE(crc32(frame.subarray(prefixBytes)), 4);
  return frame;
}

/** The frames up to the first that is torn or damaged; `validBytes` is where that one begins. */
export function decodeFrames(bytes: Uint8Array): { frames: PlacedFrame[]; validBytes: number } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: PlacedFrame[] = [];
  let offset = 0;
  for (;;) {
    const frame = decodeFrame(buffer, offset);
    if (!frame) return { frames, validBytes: offset };
    frames.push(frame);
    offset += frame.sizeBytes;
  }
}

function decodeFrame(buffer: Buffer, offset: number): PlacedFrame | undefined {
  if (buffer.byteLength - offset < minFrameBytes) return undefined;
  const lengthBytes = buffer.readUInt32BE(offset);
  const end = offset + prefixBytes + lengthBytes;
  if (lengthBytes < headBytes || end > buffer.byteLength) return undefined;
  const rest = buffer.subarray(offset + prefixBytes, end);
  const kind = outKinds[rest.readUInt8(0)];
  if (kind === undefined || crc32(rest) !== buffer.readUInt32BE(offset + 4)) return undefined;
  const seq = Number(rest.readBigUInt64BE(1));
  return { seq, kind, payload: rest.subarray(headBytes), offset, sizeBytes: prefixBytes + lengthBytes };
}
