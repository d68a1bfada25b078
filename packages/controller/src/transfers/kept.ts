import { codecVersion } from '@covey/bundle/transfer';
import type { Storage } from '../storage/index.ts';

/** A file to be told from another; base null: from nothing. Digests. */
export interface Pair {
  target: string;
  base: string | null;
}

/** A transfer as it is kept; null: there is none, or none now. */
export type Known = { sha256: string; sizeBytes: number } | null;

/** How exactly the time of the last use is known: each writing of it costs the disk a page. */
const useMs = 600_000;
/** Wait after the first failure; each further one waits five times as long, a day at most. */
const firstRetryMs = 60_000;
const longestRetryMs = 86_400_000;
/** After so many failures in a row, over three days, it is not tried again while anybody asks for it. */
const mostAttempts = 8;

/** What is known of a transfer; undefined: it is to be made. */
export async function lookUp({ db }: Storage, pair: Pair, now: number): Promise<Known | undefined> {
  const row = await rowOf(db, pair).executeTakeFirst();
  if (!row) return undefined;
  if (row.used_at < now - useMs)
    await db
      .updateTable('transfers')
      .set({ used_at: now })
      .where('target', '=', pair.target)
      .where('base', '=', pair.base ?? '')
      .where('codec', '=', codecVersion)
      .execute();
  if (row.outcome === 'failed') return row.attempts >= mostAttempts || now < row.retry_at ? null : undefined;
  return row.sha256 === null ? null : { sha256: row.sha256, sizeBytes: row.size_bytes };
}

/**
 * Notes that a making begins, as if it had failed: so one that ends the whole process counts as well. Answers which attempt
 * it is, and after how long the next may follow.
 */
export async function noteAttempt(
  storage: Storage,
  pair: Pair,
  now: number,
): Promise<{ attempts: number; retryMs: number }> {
  const before = await rowOf(storage.db, pair).executeTakeFirst();
  const attempts = (before?.attempts ?? 0) + 1;
  const retryMs = Math.min(longestRetryMs, firstRetryMs * 5 ** (attempts - 1));
  const none = { sha256: null, size_bytes: 0 };
  await write(storage, pair, {
    ...{ outcome: 'failed', ...none, attempts },
    ...{ retry_at: now + retryMs, used_at: now },
  });
  return { attempts, retryMs };
}

/** It was given up for no fault of its own: as if it had not been begun. */
export async function forgetAttempt(storage: Storage, pair: Pair, attempts: number): Promise<void> {
  if (attempts === 1) return forget(storage, pair);
  const row = await rowOf(storage.db, pair).executeTakeFirst();
  if (row) await write(storage, pair, { ...row, attempts: attempts - 1, retry_at: 0 });
}

/** What came of it: a transfer whose blob is on the disk, or (null) that none pays. */
export async function noteOutcome(storage: Storage, pair: Pair, known: Known, now: number): Promise<void> {
  await write(storage, pair, {
    outcome: known ? 'made' : 'useless',
    ...{ sha256: known?.sha256 ?? null, size_bytes: known?.sizeBytes ?? 0 },
    ...{ attempts: 0, retry_at: 0, used_at: now },
  });
}

export async function forget({ db }: Storage, { target, base }: Pair): Promise<void> {
  await db
    .deleteFrom('transfers')
    .where('target', '=', target)
    .where('base', '=', base ?? '')
    .where('codec', '=', codecVersion)
    .execute();
}

function rowOf(db: Storage['db'], { target, base }: Pair) {
  return db
    .selectFrom('transfers')
    .select(['outcome', 'sha256', 'size_bytes', 'attempts', 'retry_at', 'used_at'])
    .where('target', '=', target)
    .where('base', '=', base ?? '')
    .where('codec', '=', codecVersion);
}

type Row = NonNullable<Awaited<ReturnType<ReturnType<typeof rowOf>['executeTakeFirst']>>>;

async function write({ db }: Storage, { target, base }: Pair, row: Row): Promise<void> {
  await db
    .insertInto('transfers')
    .values({ target, base: base ?? '', codec: codecVersion, ...row })
    .onConflict((conflict) => conflict.columns(['target', 'base', 'codec']).doUpdateSet(row))
    .execute();
}
