import type { Clock, Random, Timer } from '../ports.ts';
import { seededRandom } from './random.ts';

/** Virtual time, shared by everything in one simulation. The same seed and the same calls give the same run. */
export interface SimulatedWorld {
  /** The true time, which every machine's clock follows until it jumps. */
  clock: Clock;
  /** A stream of its own per name, so that one part drawing more numbers does not change another's. */
  random(name: string): Random;
  /** Runs every timer due in the next `ms` in order, draining promises after each. */
  advance(ms: number): Promise<void>;
  /** Drains promises without time passing. */
  settle(): Promise<void>;
  /** Advances timer by timer until `condition` holds; throws when it does not within `limitMs`. */
  runUntil(condition: () => boolean, limitMs: number): Promise<void>;
  /** Tells `settle` that something was asked of a port, so that it looks again for what follows. */
  noteActivity(): void;
}

interface Waiting {
  atMs: number;
  order: number;
  callback: () => void;
  cancelled: boolean;
}

/** Turns of the event loop without a call to a port after which nothing more is expected. */
const quietTurns = 3;
/** 2026-01-01T00:00:00Z. */
const epochMs = 1_767_225_600_000;

/** A world at rest at 2026-01-01. */
export function simulatedWorld(seed: number | string): SimulatedWorld {
  const queue = new TimerQueue();
  let nowMs = 0;
  let activity = 0;
  const settle = async () => {
    for (let quiet = 0; quiet < quietTurns; ) {
      const seen = activity;
      await new Promise<void>((resolve) => setImmediate(resolve));
      quiet = seen === activity ? quiet + 1 : 0;
    }
  };
  const step = async (limitMs: number): Promise<boolean> => {
    const due = queue.takeDue(limitMs);
    if (!due) return false;
    nowMs = due.atMs;
    due.callback();
    await settle();
    return true;
  };
  const advanceTo = async (endMs: number) => {
    await settle();
    while (await step(endMs));
    nowMs = endMs;
  };
  return {
    clock: {
      now: () => epochMs + Math.floor(nowMs),
      monotonicMs: () => nowMs,
      setTimer: (delayMs, callback) => queue.add(nowMs + Math.max(0, delayMs), callback),
    },
    random: (name) => seededRandom(`${seed}/${name}`),
    settle,
    advance: (ms) => advanceTo(nowMs + ms),
    runUntil: async (condition, limitMs) => {
      const endMs = nowMs + limitMs;
      await settle();
      while (!condition()) {
        if (!(await step(endMs))) throw new Error(`condition does not hold within ${limitMs} virtual ms`);
      }
    },
    noteActivity: () => {
      activity++;
    },
  };
}

/** Timers by time, then in the order they were set: a binary heap. */
class TimerQueue {
  readonly #heap: Waiting[] = [];
  #order = 0;

  add(atMs: number, callback: () => void): Timer {
    const timer: Waiting = { atMs, order: this.#order++, callback, cancelled: false };
    this.#heap.push(timer);
    this.#rise(this.#heap.length - 1);
    return {
      cancel: () => {
        timer.cancelled = true;
      },
    };
  }

  takeDue(limitMs: number): Waiting | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (!first || first.atMs > limitMs) return undefined;
      const last = this.#heap.pop();
      if (last && this.#heap.length > 0) {
        this.#heap[0] = last;
        this.#sink(0);
      }
      if (!first.cancelled) return first;
    }
  }

  #before(a: number, b: number): boolean {
    const left = this.#heap[a];
    const right = this.#heap[b];
    if (!left || !right) return left !== undefined;
    return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
  }

  #swap(a: number, b: number): void {
    const left = this.#heap[a];
    const right = this.#heap[b];
    if (!left || !right) return;
    this.#heap[a] = right;
    this.#heap[b] = left;
  }

  #rise(index: number): void {
    for (let at = index; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (this.#before(parent, at)) return;
      this.#swap(parent, at);
      at = parent;
    }
  }

  #sink(index: number): void {
    for (let at = index; ; ) {
      const left = 2 * at + 1;
      const smaller = left + 1 < this.#heap.length && this.#before(left + 1, left) ? left + 1 : left;
      if (smaller >= this.#heap.length || this.#before(at, smaller)) return;
      this.#swap(at, smaller);
      at = smaller;
    }
  }
}
