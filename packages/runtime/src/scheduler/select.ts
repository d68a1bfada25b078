import type { Profile } from './profile.ts';
import type { Queued } from './queue.ts';

/** What selection needs to know of a waiting request. */
export interface Selectable extends Queued {
  /** Inferences in it. */
  readonly rows: number;
  /** Shared by those that may run together; its own for one that runs alone. */
  readonly profile: Profile;
  readonly runsAlone: boolean;
  /** On the monotonic clock; infinite without one. */
  readonly deadlineMs: number;
}

/** What runs next, or when to look again. */
export type Selection<Item> = { members: Item[] } | { againMs: number };

/** Of a long queue only the beginning is looked through for what may join. */
const lookAhead = 1_024;

/**
 * The first in the queue, and of those after it what may join and pays. Nobody is joined whom that would make late, nor
 * one whose joining would make another late. A batch is held back, for `maxDelayMs` from the arrival of its first at most,
 * only while the learnt line says that waiting for the next pays.
 */
export function selectBatch<Item extends Selectable>(
  items: readonly Item[],
  nowMs: number,
  maxDelayMs: number,
): Selection<Item> | undefined {
  const [first] = items;
  if (first === undefined) return undefined;
  const members = [first];
  const { profile } = first;
  const most = first.runsAlone ? 1 : profile.rowsThatPay;
  let rows = first.rows;
  let deadlineMs = first.deadlineMs;
  if (most > rows) {
    const end = Math.min(items.length, lookAhead);
    for (let at = 1; at < end && rows < most; at++) {
      const item = items[at];
      if (item === undefined || item.profile !== profile || item.runsAlone || rows + item.rows > most)
        continue;
      const earliestMs = Math.min(deadlineMs, item.deadlineMs);
      if (nowMs + profile.predictMs(rows + item.rows) > earliestMs) continue;
      members.push(item);
      rows += item.rows;
      deadlineMs = earliestMs;
    }
  }
  const boundMs = heldUntil(first, rows, most, deadlineMs, maxDelayMs);
  return boundMs > nowMs ? { againMs: boundMs } : { members };
}

/** Until when a batch that is not full is held back; the past when it is not. */
function heldUntil(
  { profile, enqueuedMs }: Selectable,
  rows: number,
  most: number,
  deadlineMs: number,
  maxDelayMs: number,
): number {
  if (maxDelayMs === 0 || rows >= most || !profile.waitingPays(rows)) return 0;
  const latestStartMs = deadlineMs - profile.predictMs(rows + 1);
  return Math.min(enqueuedMs + maxDelayMs, latestStartMs);
}

/** Whether it is too late to begin: by the learnt line the answer would come after the deadline. */
export function isTooLate({ deadlineMs, profile, rows }: Selectable, nowMs: number): boolean {
  return nowMs + profile.predictMs(rows) > deadlineMs;
}

/**
 * When a request that comes now would be answered if all goes well: after what runs, and what waits before it, in batches
 * that pay, on `threads` threads.
 */
export function expectedMs(
  request: Selectable,
  ahead: { rows: number; requests: number },
  running: { remainingMs: number; threads: number },
): number {
  const { profile, rows, runsAlone } = request;
  const ownMs = profile.predictMs(rows);
  const most = runsAlone ? 1 : profile.rowsThatPay;
  const runs = most > 1 ? Math.floor(ahead.rows / most) : ahead.requests;
  const rowsPerRun = ahead.rows / Math.max(1, runs);
  const aheadMs = runs * profile.predictMs(most > 1 ? most : rowsPerRun);
  return running.remainingMs + aheadMs / Math.max(1, running.threads) + ownMs;
}
