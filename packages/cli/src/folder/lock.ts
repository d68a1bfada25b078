import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { noFolder } from '@covey/ports';
import { CoveyError, toCoveyError } from '@covey/protocol';

/**
 * Holds a data folder for this process until it ends, however it ends, by a lock on `path`, a file in or beside it. It is
 * SQLite's file lock, because the kernel releases that with the process: a lock file would be stale after a SIGKILL.
 * Errors: DATA_LOCKED when another process holds it; DATA_FOREIGN, DATA_CORRUPT where it cannot be made.
 */
export function lockFolder(folder: string, path: string): { release(): void } {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw noFolder(cause) ?? toCoveyError(cause, 'DATA_FOREIGN');
  }
  const database = opened(path);
  try {
    // Nothing is ever written, so no journal is needed; a file of it would need room, and on a full disk nothing would start.
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    if (codeOf(cause) !== sqlite.busy) throw unusable(path, cause);
    throw new CoveyError('DATA_LOCKED', `${folder} is in use by another Covey process`, { cause });
  }
  return { release: () => database.close() };
}

/** Result codes of SQLite. */
const sqlite = { busy: 5, notDatabase: 26 } as const;

const codeOf = (error: unknown) => (error as { errcode?: number }).errcode;

function opened(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 });
  } catch (cause) {
    throw unusable(path, cause);
  }
}

function unusable(path: string, cause: unknown): CoveyError {
  if (codeOf(cause) === sqlite.notDatabase)
    return new CoveyError('DATA_CORRUPT', `${path} is no lock of ours: remove it`, { cause });
  return new CoveyError('DATA_FOREIGN', `${path} cannot be locked: ${(cause as Error).message}`, { cause });
}
