import type { Allowance } from '@covey/protocol';

/** What has gone to one site, or to all devices, of a rollout. */
export interface Sent {
  bytes: number;
  /** Day of UTC, `2026-03-29`, and what of the bytes went in it. */
  day: string;
  todayBytes: number;
}

/** Bytes that may go at once, or why none may and for how long. */
export type Answer = { bytes: number } | { message: string; waitMs: number };

const dayMs = 86_400_000;
/** Nobody knows when a budget in all grows; it is asked again after this. */
const spentMs = 3_600_000;

const dayOf = (now: number) => new Date(now).toISOString().slice(0, 10);

export function sentOn(before: Sent | undefined, now: number): Sent {
  const day = dayOf(now);
  return { bytes: before?.bytes ?? 0, day, todayBytes: before?.day === day ? before.todayBytes : 0 };
}

/** What is left of an allowance at `now`. `who` is for the message. */
export function allowed(allowance: Allowance, sent: Sent, who: string, now: number): Answer {
  const { bytes, bytesPerDay } = allowance;
  const left = bytes === undefined ? Number.POSITIVE_INFINITY : bytes - sent.bytes;
  if (left <= 0) return { message: `${who} has fetched the ${bytes} bytes that it may`, waitMs: spentMs };
  const leftToday = bytesPerDay === undefined ? Number.POSITIVE_INFINITY : bytesPerDay - sent.todayBytes;
  if (leftToday > 0) return { bytes: Math.min(left, leftToday) };
  const message = `${who} has fetched the ${bytesPerDay} bytes that it may in a day`;
  return { message, waitMs: dayMs - (now % dayMs) };
}
