import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toCoveyError } from '@covey/protocol';
import type { Disk, DiskEntry } from '../ports.ts';
import { noFolder } from './no-folder.ts';

const fileMode = 0o600;
const folderMode = 0o700;

/** The file system, with errors in the catalogue's codes. */
export const systemDisk: Disk = {
  read: (path) => readFile(path).catch(absentAs(undefined)).catch(rethrow),
  readRange: (path, offset, sizeBytes) => readRange(path, offset, sizeBytes).catch(rethrow),
  write: (path, bytes) => writeDurably(path, bytes).catch(rethrow),
  append: (path, bytes, options) => append(path, bytes, options.sync).catch(rethrow),
  truncate: (path, sizeBytes) => truncate(path, sizeBytes).catch(rethrow),
  rename: (from, to) => renameDurably(from, to).catch(rethrow),
  remove: (path) => rm(path, { recursive: true, force: true }).catch(rethrow),
  makeFolder: (path) => makeFolder(path).catch(rethrow),
  list: (folder) => list(folder).catch(rethrow),
  freeBytes: async (folder) => {
    const status = await statfs(folder).catch(rethrow);
    return status.bavail * status.bsize;
  },
};

function rethrow(error: unknown): never {
  throw noFolder(error) ?? toCoveyError(error);
}

function absentAs<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return value;
    throw error;
  };
}

async function readRange(path: string, offset: number, sizeBytes: number): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const buffer = new Uint8Array(sizeBytes);
    let filled = 0;
    while (filled < sizeBytes) {
      const { bytesRead } = await file.read(buffer, filled, sizeBytes - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await file.close();
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', fileMode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await renameDurably(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
  if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
}

/** A new or moved name is on the medium only when its folder is (fsync(2), notes). */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function append(path: string, bytes: Uint8Array, sync: boolean): Promise<void> {
  const file = await open(path, 'a', fileMode);
  try {
    const wasEmpty = (await file.stat()).size === 0;
    await file.writeFile(bytes);
    if (!sync) return;
    await file.datasync();
    // Appending nothing is how a caller syncs what it appended before, the file's name included.
    if (wasEmpty || bytes.byteLength === 0) await syncFolder(dirname(path));
  } finally {
    await file.close();
  }
}

async function truncate(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.truncate(sizeBytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function makeFolder(path: string): Promise<void> {
  const topmostCreated = await mkdir(path, { recursive: true, mode: folderMode });
  if (topmostCreated === undefined) return;
  for (let created = path; created.length >= topmostCreated.length; created = dirname(created)) {
    await syncFolder(dirname(created));
  }
}

async function list(folder: string): Promise<DiskEntry[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(absentAs([]));
  const listed = entries.map(async (entry): Promise<DiskEntry[]> => {
    if (entry.isDirectory()) return [{ name: entry.name, isFolder: true, sizeBytes: 0 }];
    // A file may go between the listing and this look at it; then it is not listed.
    const status = await stat(join(folder, entry.name)).catch(absentAs(undefined));
    return status ? [{ name: entry.name, isFolder: false, sizeBytes: status.size }] : [];
  });
  return (await Promise.all(listed)).flat().sort((a, b) => (a.name < b.name ? -1 : 1));
}
