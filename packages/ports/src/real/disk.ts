import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toCoveyError } from '@covey/protocol';
import type { Disk } from '../ports.ts';

const fileMode = 0o600;
const folderMode = 0o700;

/** The file system, with errors in the catalogue's codes. */
export const systemDisk: Disk = {
  read: (path) => readFile(path).catch(absentAs(undefined)).catch(rethrow),
  readRange: (path, offset, sizeBytes) => readRange(path, offset, sizeBytes).catch(rethrow),
  write: (path, bytes) => writeDurably(path, bytes).catch(rethrow),
  append: (path, bytes, options) => append(path, bytes, options.sync).catch(rethrow),
  rename: (from, to) => renameDurably(from, to).catch(rethrow),
  remove: (path) => rm(path, { recursive: true, force: true }).catch(rethrow),
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true, mode: folderMode }).catch(rethrow);
  },
  list: (folder) => list(folder).catch(rethrow),
  freeBytes: async (folder) => {
    const status = await statfs(folder).catch(rethrow);
    return status.bavail * status.bsize;
  },
};

function rethrow(error: unknown): never {
  throw toCoveyError(error);
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
    const { bytesRead } = await file.read(buffer, 0, sizeBytes, offset);
    return buffer.subarray(0, bytesRead);
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
  const folder = await open(dirname(to), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function append(path: string, bytes: Uint8Array, sync: boolean): Promise<void> {
  const file = await open(path, 'a', fileMode);
  try {
    await file.writeFile(bytes);
    if (sync) await file.datasync();
  } finally {
    await file.close();
  }
}

async function list(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true }).catch(absentAs([]));
  const listed = entries.map(async (entry) => ({
    name: entry.name,
    isFolder: entry.isDirectory(),
    sizeBytes: entry.isDirectory() ? 0 : (await stat(join(folder, entry.name))).size,
  }));
  return (await Promise.all(listed)).sort((a, b) => (a.name < b.name ? -1 : 1));
}
