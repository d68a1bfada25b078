import type { Clock, Log } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import type { Blobs, Storage, StoredBytes } from '../storage/index.ts';
import { type BlobChecks, createBlobChecks } from './checks.ts';
import { collect, keepToQuota } from './collect.ts';
import { findFile, missingBytes } from './files.ts';
import { forget, type Known, lookUp, type Pair } from './kept.ts';
import { createMaker, type Maker } from './maker.ts';
import { type MakingCounts, makeAndKeep } from './making.ts';
import { requireWanted } from './wanted.ts';

/** Transfers that wait to be made; one is made at a time. */
const longestQueue = 16;
/** Of these, such as one device has asked for: a release of several models asks for one after the other. */
const mostPerDevice = 2;
/** Requests of one device that wait at a time: it has one, and those whose connections broke without its being noticed. */
const mostWaiting = 4;

/** Transfers of the files of published versions, see `@covey/bundle/transfer`. Digests are of whole files. */
export interface Transfers {
  /**
   * The transfer of a file from a base, or from nothing (null), made now unless it was before; null when there is no such
   * file or base, the chunks of the file that the base lacks are about as few bytes, its making has failed lately, or too
   * many wait already. Errors: TRANSFER_REFUSED where the device has no use for it; TRANSFER_PENDING when it is not ready
   * within `waitMs` (it is made all the same), or the device waits for others already, or for the same one too often.
   */
  get(device: string, pair: Pair, waitMs: number): Promise<StoredBytes | null>;
  /** For operators: its size, as `get`, for any two files; also where a file has to come chunk by chunk: what that takes. */
  sizeOf(target: string, base: string | null, waitMs: number): Promise<TransferSize | null>;
  /** Removes what nobody has a use for any more; between two makings. */
  collect(): Promise<void>;
  counts(): Readonly<MakingCounts>;
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
  /** What all transfers may take on the disk. */
  quotaBytes: number;
}

/** A transfer that is being made, or waits for it: for whom it was begun, null: for an operator. */
interface UnderWay {
  device: string | null;
  made: Promise<Known>;
}

export function createTransfers(options: TransfersOptions): Transfers {
  const { storage, clock } = options;
  const maker = createMaker(clock);
  const counts: MakingCounts = { made: 0, useless: 0, failed: 0 };
  const queue = createQueue({ ...options, maker, counts });
  const patiently = createPatience(clock);
  const ensure = async (device: string | null, pair: Pair, waitMs: number): Promise<Known> => {
    const known = queue.find(pair) ? undefined : await lookUp(storage, pair, clock.now());
    if (known !== undefined) return known;
    if (device !== null && !queue.find(pair)) {
      await requireWanted(storage.db, device, pair.target, pair.base);
      // Nobody waits for a long queue: chunks are there at once.
      if (queue.isFull()) return null;
    }
    return patiently(device, () => queue.begin(device, pair), waitMs);
  };
  const checks = createBlobChecks(storage.transferBlobs, clock);
  const bytesOf = async (device: string, pair: Pair, waitMs: number): Promise<StoredBytes | null> => {
    const known = await ensure(device, pair, waitMs);
    if (!known || !(await checks.isWhole(known.sha256))) return null;
    return readingOf(storage.transferBlobs, known, checks);
  };
  return {
    get: async (device, pair, waitMs) => {
      const bytes = await bytesOf(device, pair, waitMs);
      if (bytes || !(await lookUp(storage, pair, clock.now()))) return bytes;
      // The disk has lost or damaged it: it is made anew.
      await forget(storage, pair);
      return bytesOf(device, pair, waitMs);
    },
    sizeOf: async (target, base, waitMs) => {
      const file = await findFile(storage.db, target);
      if (!file) return null;
      const { sizeBytes } = file;
      const known = await ensure(null, { target, base }, waitMs);
      if (known) return { sizeBytes, wireBytes: known.sizeBytes, how: 'transfer' };
      const baseFile = base === null ? undefined : await findFile(storage.db, base);
      return { sizeBytes, wireBytes: missingBytes(file, baseFile), how: 'chunks' };
    },
    collect: () => queue.run(() => collect(storage, clock.now())),
    counts: () => ({ ...counts }),
    stop: async () => {
      queue.close();
      await maker.close();
      await queue.run(async () => undefined);
    },
  };
}

/** What the disk has lost since it was looked at is made anew for who asks next. */
function readingOf(
  blobs: Pick<Blobs, 'readRange'>,
  { sha256, sizeBytes }: NonNullable<Known>,
  checks: BlobChecks,
): StoredBytes {
  const read = async (offset: number, wanted: number) => {
    const bytes = await blobs.readRange(sha256, offset, wanted).catch((error: unknown) => {
      checks.doubt(sha256);
      throw error;
    });
    if (bytes.byteLength < Math.min(wanted, sizeBytes - offset)) {
      checks.doubt(sha256);
      throw new CoveyError('DISK_FAILED', `the transfer ${sha256} is cut short on the disk`);
    }
    return bytes;
  };
  return { sizeBytes, read };
}

/** What is made, and what is removed, one after the other: neither sees what the other has half done. */
function createQueue(options: TransfersOptions & { maker: Maker; counts: MakingCounts }) {
  const { storage, quotaBytes } = options;
  const underWay = new Map<string, UnderWay>();
  const stopping = new AbortController();
  let last: Promise<unknown> = Promise.resolve();
  const run = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
  const isFull = () => stopping.signal.aborted || underWay.size >= longestQueue;
  const nameOf = ({ target, base }: Pair) => `${target} ${base}`;
  const find = (pair: Pair) => underWay.get(nameOf(pair));
  /** Single flight: whoever asks for the same waits for the same. Errors: TRANSFER_PENDING for one too many. */
  const begin = (device: string | null, pair: Pair): Promise<Known> => {
    const before = find(pair);
    if (before) return before.made;
    const own = [...underWay.values()].filter((other) => device !== null && other.device === device);
    if (isFull()) throw new CoveyError('TRANSFER_PENDING', `${underWay.size} transfers wait to be made`);
    if (own.length >= mostPerDevice)
      throw new CoveyError('TRANSFER_PENDING', `${device} waits for ${own.length} other transfers`);
    const made = run(async () => {
      const known = await makeAndKeep(options, pair, stopping.signal);
      if (known) await keepToQuota(storage, quotaBytes);
      return known;
    }).finally(() => underWay.delete(nameOf(pair)));
    made.catch(() => undefined);
    underWay.set(nameOf(pair), { device, made });
    return made;
  };
  return { run, find, begin, isFull, close: () => stopping.abort() };
}

/** Waits for works, a few for each device. Errors: those of the work, TRANSFER_PENDING when time is up first, or for one too many. */
function createPatience(clock: Clock) {
  const waiting = new Map<string, number>();
  return async <T>(device: string | null, begin: () => Promise<T>, waitMs: number): Promise<T> => {
    if (device === null) return within(clock, begin(), waitMs);
    const others = waiting.get(device) ?? 0;
    if (others >= mostWaiting)
      throw new CoveyError('TRANSFER_PENDING', `${others} requests of ${device} wait already`);
    waiting.set(device, others + 1);
    try {
      return await within(clock, begin(), waitMs);
    } finally {
      const left = (waiting.get(device) ?? 1) - 1;
      if (left > 0) waiting.set(device, left);
      else waiting.delete(device);
    }
  };
}

/** Errors: TRANSFER_PENDING when time is up first. */
async function within<T>(clock: Clock, work: Promise<T>, waitMs: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.setTimer(waitMs, () =>
    reject(new CoveyError('TRANSFER_PENDING', 'the transfer is being made; ask again shortly')),
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    timer.cancel();
  }
}
