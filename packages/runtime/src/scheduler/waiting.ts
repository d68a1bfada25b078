import type { Clock } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import { Alarm } from './alarm.ts';
import type { Slot } from './pool.ts';
import { PriorityQueue, rankOf } from './queue.ts';
import { cancelled, type Request } from './request.ts';
import { expectedMs, isTooLate, selectBatch } from './select.ts';

export interface WaitingRoomOptions {
  clock: Clock;
  /** Requests that may wait; one more is OVERLOADED. */
  maxLength: number;
  /** Longest time that a batch is held back for more to join. */
  maxDelayMs: number;
  /** A batch that was held back may go, or a deadline has come near. */
  onAlarm: () => void;
}

/** The requests to one model that wait: bounded, ordered, and told early when they would be answered too late. */
export class WaitingRoom {
  readonly #options: WaitingRoomOptions;
  readonly #queue = new PriorityQueue<Request>();
  readonly #alarm: Alarm;
  /** One for all: under too much load making errors, with their stacks, would take time from those who are answered. */
  readonly #full: CoveyError;
  #withDeadline = 0;

  constructor(options: WaitingRoomOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock, options.onAlarm);
    this.#full = new CoveyError('OVERLOADED', `${options.maxLength} requests wait for this model already`);
  }

  get length(): number {
    return this.#queue.length;
  }

  get first(): Request | undefined {
    return this.#queue.items[0];
  }

  /** Why a request that comes now is not let in. */
  refusalOf(request: Request, slots: ReadonlySet<Slot>): CoveyError | undefined {
    if (request.isCancelled) return cancelled();
    if (this.length >= this.#options.maxLength) return this.#full;
    if (request.deadlineMs === Number.POSITIVE_INFINITY) return undefined;
    const nowMs = request.enqueuedMs;
    const takesMs = this.#expectedMs(request, slots, nowMs);
    return nowMs + takesMs > request.deadlineMs ? tooLate(request, nowMs, takesMs) : undefined;
  }

  add(request: Request): void {
    this.#queue.add(request);
    if (request.deadlineMs === Number.POSITIVE_INFINITY) return;
    this.#withDeadline++;
    this.#alarm.ringAt(request.deadlineMs - request.profile.predictMs(request.rows));
  }

  has(request: Request): boolean {
    return this.length > 0 && this.#queue.has(request);
  }

  /** Whether it was there. */
  remove(request: Request): boolean {
    const wasThere = this.#queue.remove(request);
    if (wasThere) this.#gone([request]);
    return wasThere;
  }

  /** Takes out what runs next; undefined while nothing waits, or a batch is held back. */
  select(nowMs: number, maxDelayMs = this.#options.maxDelayMs): Request[] | undefined {
    const selection = selectBatch(this.#queue.items, nowMs, maxDelayMs);
    if (selection === undefined) return undefined;
    if ('againMs' in selection) {
      this.#alarm.ringAt(selection.againMs);
      return undefined;
    }
    const { members } = selection;
    if (members.length === 1) this.#queue.removeFirst();
    else {
      const taken = new Set(members);
      this.#queue.takeIf((request) => taken.has(request));
    }
    this.#gone(members);
    return members;
  }

  /** What the next run is expected to take. */
  get nextRunMs(): number {
    const { first } = this;
    if (first === undefined) return 0;
    const { profile, rows, runsAlone } = first;
    return profile.predictMs(
      runsAlone ? rows : Math.max(rows, Math.min(profile.rowsThatPay, this.#queue.length)),
    );
  }

  /** Whether those who wait make a batch as large as pays: an estimate, as not all may join. */
  get isFull(): boolean {
    const { first } = this;
    if (first === undefined || first.runsAlone) return false;
    return first.profile.rowsThatPay > 1 && this.#queue.length >= first.profile.rowsThatPay;
  }

  /** Refuses those whom it is too late to begin with. */
  refuseLate(): void {
    if (this.#withDeadline === 0) return;
    const nowMs = this.#options.clock.monotonicMs();
    const late = this.#queue.takeIf((request) => isTooLate(request, nowMs));
    this.#gone(late);
    for (const request of late) {
      request.reject(tooLate(request, nowMs, request.profile.predictMs(request.rows)));
    }
    for (const { deadlineMs, profile, rows } of this.#queue.items) {
      if (deadlineMs === Number.POSITIVE_INFINITY) continue;
      // Not at this very moment again, at which it is just in time.
      this.#alarm.ringAt(Math.max(nowMs + 1, deadlineMs - profile.predictMs(rows)));
    }
  }

  refuseAll(error: CoveyError): void {
    const all = this.#queue.takeIf(() => true);
    this.#gone(all);
    for (const request of all) request.reject(error);
  }

  close(): void {
    this.#alarm.cancel();
  }

  #gone(requests: readonly Request[]): void {
    for (const { deadlineMs } of requests) if (deadlineMs !== Number.POSITIVE_INFINITY) this.#withDeadline--;
  }

  #expectedMs(request: Request, slots: ReadonlySet<Slot>, nowMs: number): number {
    const ahead = { rows: 0, requests: 0 };
    const rank = rankOf(request);
    for (const other of this.#queue.items) {
      if (rankOf(other) > rank) break;
      ahead.rows += other.rows;
      ahead.requests++;
    }
    let remainingMs = Number.POSITIVE_INFINITY;
    for (const { inFlight, expectedEndMs } of slots) {
      remainingMs = Math.min(remainingMs, inFlight === 0 ? 0 : Math.max(0, expectedEndMs - nowMs));
    }
    const running = { remainingMs: slots.size === 0 ? 0 : remainingMs, threads: slots.size };
    return expectedMs(request, ahead, running);
  }
}

function tooLate({ deadlineMs }: Request, nowMs: number, takesMs: number): CoveyError {
  const leftMs = Math.max(0, deadlineMs - nowMs);
  const message = `the answer would take ${takesMs.toFixed(1)} ms and ${leftMs.toFixed(1)} ms are left`;
  return new CoveyError('DEADLINE_EXCEEDED', message);
}
