import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Disk } from '@covey/ports';
import { CoveyError, checkDocument, DigestSchema } from '@covey/protocol';

/** Immutable bytes by their SHA-256 (lower-case hex). A digest that is none is INVALID_DOCUMENT: it becomes part of a path. */
export interface Blobs {
  /** Durable when it resolves. Errors: BUNDLE_CORRUPT when the bytes have another digest, DISK_FULL. */
  put(sha256: string, bytes: Uint8Array): Promise<void>;
  /** Undefined also for what the disk has damaged: it is as good as lost, and `put` writes it anew. */
  get(sha256: string): Promise<Uint8Array | undefined>;
  has(sha256: string): Promise<boolean>;
  /** Absent is fine. */
  remove(sha256: string): Promise<void>;
  /** The digests of all that are here, damaged or not. */
  list(): Promise<string[]>;
}

/** What else lies there is a file that was being written when the power went. */
const digestForm = /^[0-9a-f]{64}$/;

/** One folder per first two hex digits keeps folders small. */
export async function openBlobs(disk: Disk, folder: string): Promise<Blobs> {
  await disk.makeFolder(folder);
  const folderOf = (sha256: string) =>
    join(folder, checkDocument(DigestSchema, sha256, 'digest').slice(0, 2));
  const get = async (sha256: string) => {
    const bytes = await disk.read(join(folderOf(sha256), sha256));
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
      await disk.write(join(folderOf(sha256), sha256), bytes);
    },
    get,
    has,
    remove: (sha256) => disk.remove(join(folderOf(sha256), sha256)),
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
