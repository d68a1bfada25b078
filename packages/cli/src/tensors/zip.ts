import { crc32, inflateRawSync } from 'node:zlib';
import { CoveyError } from '@covey/protocol';

const signatures = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50 } as const;
const endBytes = 22;
const mostEntries = 10_000;
/** A 32-bit field that says: look in the ZIP64 record. */
const inZip64 = 0xffffffff;

/**
 * The files in a ZIP archive, stored or deflated (APPNOTE 6.3.10; no ZIP64 sizes, no encryption). Sizes are checked before
 * anything is inflated, and inflating stops at them. Errors: INVALID_DOCUMENT, UNSUPPORTED, PAYLOAD_TOO_LARGE when the files
 * would take more than `maxBytes` together.
 */
export function readZip(bytes: Uint8Array, maxBytes: number): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = readDirectory(bytes, view);
  const total = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (total > maxBytes)
    throw new CoveyError(
      'PAYLOAD_TOO_LARGE',
      `the archive unpacks to ${total} bytes; at most ${maxBytes} are read`,
    );
  return new Map(entries.map((entry) => [entry.name, unpacked(bytes, view, entry)]));
}

interface Entry {
  name: string;
  method: number;
  crc: number;
  packedBytes: number;
  sizeBytes: number;
  offset: number;
}

function readDirectory(bytes: Uint8Array, view: DataView): Entry[] {
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  if (count > mostEntries) throw invalid(`it lists ${count} files`);
  let at = view.getUint32(end + 16, true);
  return Array.from({ length: count }, () => {
    if (at + 46 > bytes.byteLength || view.getUint32(at, true) !== signatures.central)
      throw invalid('its directory is cut off');
    const nameBytes = view.getUint16(at + 28, true);
    const name = new TextDecoder('utf-8').decode(bytes.subarray(at + 46, at + 46 + nameBytes));
    const entry: Entry = {
      name,
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packedBytes: view.getUint32(at + 20, true),
      sizeBytes: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    };
    const isEncrypted = (view.getUint16(at + 8, true) & 1) === 1;
    if (isEncrypted || [entry.packedBytes, entry.sizeBytes, entry.offset].includes(inZip64))
      throw new CoveyError('UNSUPPORTED', `${name} in the archive is encrypted, or larger than 4 GiB`);
    at += 46 + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    return entry;
  });
}

/** The end record is the last, but for a comment of at most 65,535 bytes. */
function findEnd(view: DataView): number {
  const first = Math.max(0, view.byteLength - endBytes - 0xffff);
  for (let at = view.byteLength - endBytes; at >= first; at--) {
    if (view.getUint32(at, true) === signatures.end) return at;
  }
  throw invalid('it has no directory');
}

function unpacked(bytes: Uint8Array, view: DataView, entry: Entry): Uint8Array {
  const { name, offset, packedBytes, sizeBytes, method } = entry;
  if (offset + 30 > bytes.byteLength || view.getUint32(offset, true) !== signatures.local)
    throw invalid(`${name} is not where the directory says`);
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (start + packedBytes > bytes.byteLength) throw invalid(`${name} is cut off`);
  const packed = bytes.subarray(start, start + packedBytes);
  const content = method === 0 ? packed : method === 8 ? inflated(packed, entry) : undefined;
  if (!content) throw new CoveyError('UNSUPPORTED', `${name} in the archive is packed by method ${method}`);
  if (content.byteLength !== sizeBytes || crc32(content) !== entry.crc)
    throw invalid(`the size or checksum of ${name} is wrong`);
  return content;
}

function inflated(packed: Uint8Array, { name, sizeBytes }: Entry): Uint8Array {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(sizeBytes, 1) });
  } catch (cause) {
    throw invalid(`${name} cannot be inflated: ${(cause as Error).message}`, cause);
  }
}

const invalid = (what: string, cause?: unknown) =>
  new CoveyError('INVALID_DOCUMENT', `the archive is damaged: ${what}`, { cause });
