import { CoveyError } from './errors/index.ts';

/**
 * Guard in front of the LZ4 decoder: walks frame, blocks and sequences of an LZ4 frame without writing output and
 * returns the exact decoded size, or throws. Decoders bound nothing: 4 MB on the wire can ask for 1 GB of memory.
 *
 * Accepted is what Covey writes: one frame (LZ4 Frame Format 1.6.x), version 01, no dictionary, content checksum present.
 * Errors: WIRE_MALFORMED for anything else, WIRE_BOMB when the output would exceed `maxBytes`.
 */
export function checkLz4Frame(frame: Uint8Array, maxBytes: number): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const header = readFrameHeader(view);
  let offset = header.sizeBytes;
  let decodedBytes = 0;
  for (;;) {
    if (offset + 4 > view.byteLength) throw malformed('ends inside a block header');
    const word = view.getUint32(offset, true);
    offset += 4;
    if (word === 0) break;
    const sizeBytes = word & 0x7fffffff;
    const stored = word >>> 31 === 1;
    if (offset + sizeBytes > view.byteLength) throw malformed('ends inside a block');
    const remaining = maxBytes - decodedBytes;
    const produced = stored ? sizeBytes : blockOutputBytes(view, offset, offset + sizeBytes, remaining);
    if (produced > header.blockMaxBytes)
      throw malformed('has a block that decodes to more than its block size');
    decodedBytes += produced;
    if (decodedBytes > maxBytes) throw bomb(maxBytes);
    offset += sizeBytes + (header.blockChecksums ? 4 : 0);
  }
  if (offset + 4 !== view.byteLength) throw malformed('does not end with its content checksum');
  return decodedBytes;
}

interface FrameHeader {
  sizeBytes: number;
  blockMaxBytes: number;
  blockChecksums: boolean;
}

/** Frame descriptor: magic, FLG (version, independence, block checksum, content size, content checksum, dictionary), BD, HC. */
function readFrameHeader(view: DataView): FrameHeader {
  if (view.byteLength < 11 || view.getUint32(0, true) !== 0x184d2204)
    throw malformed('has no LZ4 frame header');
  const flags = view.getUint8(4);
  if (flags >>> 6 !== 1) throw malformed('is of an unknown frame version');
  if ((flags & 0b10) !== 0) throw malformed('has a reserved flag set');
  if ((flags & 0b1) !== 0) throw malformed('wants a dictionary');
  if ((flags & 0b100) === 0) throw malformed('has no content checksum');
  const sizeCode = (view.getUint8(5) >>> 4) & 0b111;
  if (sizeCode < 4) throw malformed('has an unknown block size');
  return {
    sizeBytes: 7 + ((flags & 0b1000) !== 0 ? 8 : 0),
    blockMaxBytes: 1 << (8 + 2 * sizeCode),
    blockChecksums: (flags & 0b10000) !== 0,
  };
}

/** Output bytes of one compressed block (LZ4 Block Format): per sequence a literal run, then a match of at least 4. */
function blockOutputBytes(view: DataView, start: number, end: number, maxBytes: number): number {
  let offset = start;
  let produced = 0;
  const runLength = (nibble: number): number => {
    let length = nibble;
    if (nibble !== 15) return length;
    for (;;) {
      if (offset >= end) throw malformed('ends inside a length');
      const byte = view.getUint8(offset++);
      length += byte;
      if (byte !== 255) return length;
    }
  };
  while (offset < end) {
    const token = view.getUint8(offset++);
    const literals = runLength(token >>> 4);
    offset += literals;
    produced += literals;
    if (offset > end) throw malformed('ends inside literals');
    if (produced > maxBytes) throw bomb(maxBytes);
    if (offset === end) return produced;
    if (offset + 2 > end) throw malformed('ends inside a match offset');
    offset += 2;
    produced += runLength(token & 15) + 4;
    if (produced > maxBytes) throw bomb(maxBytes);
  }
  throw malformed('has a block without closing literals');
}

const malformed = (what: string) => new CoveyError('WIRE_MALFORMED', `LZ4 frame ${what}`);
const bomb = (maxBytes: number) =>
  new CoveyError('WIRE_BOMB', `LZ4 frame decodes to more than ${maxBytes} bytes`);
