import { createHash } from 'node:crypto';
import { codecVersion } from '@covey/bundle/transfer';
import type { Clock, Log } from '@covey/ports';
import { type BundleFile, CoveyError, toCoveyError } from '@covey/protocol';
import type { Storage } from '../storage/index.ts';
import { findFile, missingBytes, readFile } from './files.ts';
import { createMaker, type Maker } from './maker.ts';

/** A file beyond this goes chunk by chunk: making its transfer would take minutes and gigabytes. */
const largestFileBytes = 256 * 1024 * 1024;
/** Transfers that wait to be made; one is made at a time. */
const longestQueue = 16;
/** A transfer that saves less than this share is not worth the work of decoding it. */
const leastSaving = 0.02;

/** A transfer as it is kept; null: none pays. */
type Known = { sha256: string; sizeBytes: number } | null;

/** Transfers of the files of published versions, see `@covey/bundle/transfer`. Digests are of whole files. */
export interface Transfers {
  /**
   * The transfer of a file from a base, or from nothing (null), made now unless it was before; null when there is no such
   * file or base, or the chunks of the file that the base lacks are about as few bytes.
   * Errors: OVERLOADED when it is not ready within `waitMs`; it is made all the same.
   */
  get(target: string, base: string | null, waitMs: number): Promise<Uint8Array | null>;
  /** Its size, as `get`; also where a file has to come chunk by chunk: what that takes. */
  sizeOf(target: string, base: string | null, waitMs: number): Promise<TransferSize | null>;
  /** Gives up what is being made, and begins nothing more. */
  stop(): Promise<void>;
}

export interface TransferSize {
  /** Of the file. */
  sizeBytes: number;
  /** How many bytes it takes to bring. */
  wireBytes: number;
  how: 'transfer' | 'chunks';
}

export interface TransfersOptions {
  storage: Storage;
  clock: Clock;
  log: Log;
}

type Making = TransfersOptions & { maker: Maker };

export function createTransfers(options: TransfersOptions): Transfers {
  const { storage, clock } = options;
  const underWay = new Map<string, Promise<Known>>();
  let queue: Promise<unknown> = Promise.resolve();
  const maker = createMaker(clock);
  const stopping = new AbortController();
  const { signal } = stopping;
  /** Single flight: whoever asks for the same waits for the same. */
  const begin = (target: string, base: string | null): Promise<Known> => {
    const key = `${target} ${base}`;
    const before = underWay.get(key);
    if (before) return before;
    if (signal.aborted || underWay.size >= longestQueue)
      throw new CoveyError('OVERLOADED', `${underWay.size} transfers wait to be made`);
    const made = queue.then(() => make({ ...options, maker }, target, base, signal));
    underWay.set(key, made);
    queue = made.catch(() => undefined).finally(() => underWay.delete(key));
    return made;
  };
  const ensure = async (target: string, base: string | null, waitMs: number): Promise<Known> => {
    const known = await lookUp(storage, target, base);
    return known === undefined ? within(clock, begin(target, base), waitMs) : known;
  };
  return {
    get: async (target, base, waitMs) => {
      // Nobody waits for a long queue: chunks are there at once.
      if (underWay.size >= longestQueue && !underWay.has(`${target} ${base}`)) {
        const known = await lookUp(storage, target, base);
        return (known && (await storage.blobs.get(known.sha256))) ?? null;
      }
      const known = await ensure(target, base, waitMs);
      return (known && (await storage.blobs.get(known.sha256))) ?? null;
    },
    sizeOf: async (target, base, waitMs) => {
      const file = await findFile(storage.db, target);
      if (!file) return null;
      const { sizeBytes } = file;
      const known = await ensure(target, base, waitMs);
      if (known) return { sizeBytes, wireBytes: known.sizeBytes, how: 'transfer' };
      const baseFile = base === null ? undefined : await findFile(storage.db, base);
      return { sizeBytes, wireBytes: missingBytes(file, baseFile), how: 'chunks' };
    },
    stop: async () => {
      stopping.abort();
      await maker.close();
      await queue;
    },
  };
}

async function lookUp({ db }: Storage, target: string, base: string | null): Promise<Known | undefined> {
  const row = await db
    .selectFrom('transfers')
    .select(['sha256', 'size_bytes'])
    .where('target', '=', target)
    .where('base', '=', base ?? '')
    .where('codec', '=', codecVersion)
    .executeTakeFirst();
  if (!row) return undefined;
  return row.sha256 === null ? null : { sha256: row.sha256, sizeBytes: row.size_bytes };
}

/** Makes a transfer and keeps it, or that none pays. What is not published yet is asked about again. */
async function make(
  options: Making,
  target: string,
  base: string | null,
  signal: AbortSignal,
): Promise<Known> {
  const { storage, clock, log } = options;
  if (signal.aborted) return null;
  const file = await findFile(storage.db, target);
  const baseFile = base === null ? undefined : await findFile(storage.db, base);
  if (!file || (base !== null && !baseFile)) return null;
  const bytes = await encoded(options, file, baseFile).catch((error: unknown) => {
    const { code, message } = toCoveyError(error);
    // Whoever wants the file has its chunks.
    log.write('warn', 'a transfer was not made', { target, base, code, message });
    return null;
  });
  if (signal.aborted) return null;
  const pays = bytes && bytes.byteLength < missingBytes(file, baseFile) * (1 - leastSaving);
  const known = pays
    ? { sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.byteLength }
    : null;
  if (pays && known) await storage.blobs.put(known.sha256, bytes);
  await storage.db
    .insertInto('transfers')
    .values({
      target,
      base: base ?? '',
      codec: codecVersion,
      sha256: known?.sha256 ?? null,
      size_bytes: known?.sizeBytes ?? 0,
      created_at: clock.now(),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return known;
}

async function encoded(
  { storage, maker }: Making,
  file: BundleFile,
  base: BundleFile | undefined,
): Promise<Uint8Array | null> {
  if (Math.max(file.sizeBytes, base?.sizeBytes ?? 0) > largestFileBytes) return null;
  const bytes = await readFile(file, storage.blobs);
  const baseBytes = base ? await readFile(base, storage.blobs) : null;
  const target = { sizeBytes: file.sizeBytes, chunks: file.chunks };
  return maker.make({ file: bytes, target, base: baseBytes });
}

/** Errors: OVERLOADED when time is up first. */
async function within<T>(clock: Clock, work: Promise<T>, waitMs: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.setTimer(waitMs, () =>
    reject(new CoveyError('OVERLOADED', 'the transfer is being made; ask again shortly')),
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    timer.cancel();
  }
}
