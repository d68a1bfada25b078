import { createHash } from 'node:crypto';
import type { Clock, Log } from '@covey/ports';
import { type BundleFile, toCoveyError } from '@covey/protocol';
import type { Storage } from '../storage/index.ts';
import { findFile, missingBytes, readFile } from './files.ts';
import { forgetAttempt, type Known, noteAttempt, noteOutcome, type Pair } from './kept.ts';
import type { Maker } from './maker.ts';

/** A file beyond this goes chunk by chunk: making its transfer would take minutes and gigabytes. */
const largestFileBytes = 256 * 1024 * 1024;
/** A transfer that saves less than this share is not worth the work of decoding it. */
const leastSaving = 0.02;

/** Makings since the start, by what became of them. */
export interface MakingCounts {
  made: number;
  /** The finding was that none pays. */
  useless: number;
  failed: number;
}

export interface Making {
  storage: Storage;
  clock: Clock;
  log: Log;
  maker: Maker;
  counts: MakingCounts;
}

/**
 * Makes a transfer and keeps it, or the finding that none pays. What is not published yet is asked about again. A making that
 * failed says nothing about the transfer: it is tried again when `lookUp` lets it.
 */
export async function makeAndKeep(options: Making, pair: Pair, signal: AbortSignal): Promise<Known> {
  const { storage, clock, log, counts } = options;
  if (signal.aborted) return null;
  const file = await findFile(storage.db, pair.target);
  const base = pair.base === null ? undefined : await findFile(storage.db, pair.base);
  if (!file || (pair.base !== null && !base)) return null;
  const { attempts, retryMs } = await noteAttempt(storage, pair, clock.now());
  try {
    const bytes = await encoded(options, file, base);
    const pays = bytes && bytes.byteLength < missingBytes(file, base) * (1 - leastSaving);
    const known = pays
      ? { sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.byteLength }
      : null;
    // The blob first: a row never names one that is not there.
    if (pays && known) await storage.transferBlobs.put(known.sha256, bytes);
    await noteOutcome(storage, pair, known, clock.now());
    counts[known ? 'made' : 'useless']++;
    return known;
  } catch (error) {
    if (signal.aborted) {
      await forgetAttempt(storage, pair, attempts);
      return null;
    }
    counts.failed++;
    const { code, message } = toCoveyError(error);
    // Whoever wants the file has its chunks.
    log.write('warn', 'a transfer was not made', {
      ...{ file: file.path, ...pair, sizeBytes: file.sizeBytes },
      ...{ code, message, attempts, retryMs },
    });
    return null;
  }
}

/** Null: the file is too large. Errors: those of `readFile` and `Maker.make`. */
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
