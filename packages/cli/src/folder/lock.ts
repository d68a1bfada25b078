import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CoveyError, toCoveyError } from '@covey/protocol';

/**
 * Holds a data folder for this process until it ends, however it ends, by a lock on `path`, a file in or beside it. It is
 * SQLite's file lock, because the kernel releases that with the process: a lock file would be stale after a SIGKILL.
 * Errors: DATA_LOCKED when another process holds it.
 */
export function lockFolder(folder: string, path: string): { release(): void } {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw toCoveyError(cause, 'DATA_FOREIGN');
  }
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw new CoveyError('DATA_LOCKED', `${folder} is in use by another Covey process`, { cause });
  }
  return { release: () => database.close() };
}
