import { AsyncLocalStorage } from 'node:async_hooks';
import { join } from 'node:path';
import type { Disk } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import { Kysely } from 'kysely';
import { type Blobs, openBlobs } from './blobs.ts';
import { executorDialect } from './dialect.ts';
import { executorInThread, executorInWorker } from './executor.ts';
import type { Db, Tables, Tx } from './tables.ts';

export interface Storage {
  /** For single statements. Inside a transaction use its `tx`: `db` would wait for the transaction it is in, and is refused (INTERNAL). */
  db: Db;
  /** Runs `work` alone and whole: commits what it resolves with, rolls back when it rejects. `work` awaits nothing but `tx`. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Content-addressed bytes beside the database: the chunks of versions, which stay. */
  blobs: Blobs;
  /** Transfers, which may go and be made again. */
  transferBlobs: Blobs;
  /** Waits for what is under way. Nothing may be asked afterwards. */
  close(): Promise<void>;
}

export interface StorageOptions {
  /** Path of the database file, or ':memory:' (in this thread, without a worker; deterministic). */
  file: string;
  /** Absolute path of the folder for blobs; made when absent. */
  blobFolder: string;
  disk: Disk;
}

/** Errors: DATA_CORRUPT (no database), DATA_FOREIGN (another program's), DATA_NEWER, DATA_LOCKED (another controller), DISK_FULL. */
export async function openStorage({ file, blobFolder, disk }: StorageOptions): Promise<Storage> {
  const blobs = await openBlobs(disk, blobFolder);
  const transferBlobs = await openBlobs(disk, join(blobFolder, 'transfers'));
  const executor = file === ':memory:' ? executorInThread(file) : await executorInWorker(file);
  const insideOf = new AsyncLocalStorage<{ isOpen: boolean }>();
  const checkMayWait = () => {
    if (insideOf.getStore()?.isOpen)
      throw new CoveyError('INTERNAL', 'a statement was run on `db` inside a transaction, which has a `tx`');
  };
  const db: Db = new Kysely<Tables>({ dialect: executorDialect(executor, checkMayWait) });
  return {
    db,
    transaction: (work) =>
      db.transaction().execute(async (tx) => {
        const scope = { isOpen: true };
        try {
          return await insideOf.run(scope, () => work(tx));
        } finally {
          scope.isOpen = false;
        }
      }),
    blobs,
    transferBlobs,
    close: async () => {
      await db.destroy();
      await executor.close();
    },
  };
}
