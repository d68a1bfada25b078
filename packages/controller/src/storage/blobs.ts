import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Disk } from '@covey/ports';
import { CoveyError, checkDocument, DigestSchema } from '@covey/protocol';

/** Bytes that are read as they are wanted. */
export interface StoredBytes {
  readonly sizeBytes: number;
  /** Fewer where they end. */
  read(offset: number, sizeBytes: number): Promise<Uint8Array>;
}

/** Of bytes that are in memory. */
export function storedBytes(bytes: Uint8Array): StoredBytes {
  return {
    sizeBytes: bytes.byteLength,
    read: async (offset, sizeBytes) => bytes.subarray(offset, offset + sizeBytes),
  };
}

/** Immutable bytes by their SHA-256 (lower-case hex). A digest that is none is INVALID_DOCUMENT: it becomes part of a path. */
export interface Blobs {
  /** Durable when it resolves. Errors: BUNDLE_CORRUPT when the bytes have another digest, DISK_FULL. */
  put(sha256: string, bytes: Uint8Array): Promise<void>;
  /** Undefined also for what the disk has damaged: it is as good as lost, and `put` writes it anew. */
  get(sha256: string): Promise<Uint8Array | undefined>;
  has(sha256: string): Promise<boolean>;
  /** As `get`, of one that is too large to be held: it is read, and checked, a piece at a time. */
  isWhole(sha256: string): Promise<boolean>;
  /** Unchecked; fewer bytes where it ends. Errors: those of `Disk.readRange`, also where there is none. */
  readRange(sha256: string, offset: number, sizeBytes: number): Promise<Uint8Array>;
  /** Absent is fine. */
  remove(sha256: string): Promise<void>;
  /** The digests of all that are here, damaged or not. */
  list(): Promise<string[]>;
}

/** What else lies there is a file that was being written when the power went. */
const digestForm = /^[0-9a-f]{64}$/;

/** What of a large blob is in memory at a time. */
const pieceBytes = 1024 * 1024;

/** One folder per first two hex digits keeps folders small. */
export async function openBlobs(disk: Disk, folder: string): Promise<Blobs> {
  await disk.makeFolder(folder);
  const folderOf = (sha256: string) =>
    join(folder, checkDocument(DigestSchema, sha256, 'digest').slice(0, 2));
  const pathOf = (sha256: string) => join(folderOf(sha256), sha256);
  const get = async (sha256: string) => {
    const bytes = await disk.read(pathOf(sha256));
    return bytes && digestOf(bytes) === sha256 ? bytes : undefined;
  };
  // Reading a chunk is cheaper than listing a folder of many.
  const has = async (sha256: string) => (await get(sha256)) !== undefined;
  return {
    put: async (sha256, bytes) => {
      if (digestOf(bytes) !== checkDocument(DigestSchema, sha256, 'digest'))
        throw new CoveyError('BUNDLE_CORRUPT', `the bytes sent as ${sha256} have another digest`);
      if (await has(sha256)) return;
      await disk.makeFolder(folderOf(sha256));
      await disk.write(pathOf(sha256), bytes);
    },
    get,
    has,
    isWhole: async (sha256) => {
      const entries = await disk.list(folderOf(sha256));
      const sizeBytes = entries.find(({ name }) => name === sha256)?.sizeBytes;
      if (sizeBytes === undefined) return false;
      const hash = createHash('sha256');
      for (let offset = 0; offset < sizeBytes; offset += pieceBytes)
        hash.update(await disk.readRange(pathOf(sha256), offset, Math.min(pieceBytes, sizeBytes - offset)));
      return hash.digest('hex') === sha256;
    },
    readRange: (sha256, offset, sizeBytes) => disk.readRange(pathOf(sha256), offset, sizeBytes),
    remove: (sha256) => disk.remove(pathOf(sha256)),
    list: async () => {
      const digests: string[] = [];
      for (const { name, isFolder } of await disk.list(folder))
        if (isFolder) for (const file of await disk.list(join(folder, name))) digests.push(file.name);
      return digests.filter((name) => digestForm.test(name));
    },
  };
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
