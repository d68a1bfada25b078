import type { Tensors } from '../tensors/index.ts';
import { DurationLine } from './line.ts';

/** What a bundle may declare about batching; what is left out is measured. */
export interface BatchSettings {
  maxBatchSize?: number | undefined;
  maxDelayMs?: number | undefined;
  sizes?: number[] | undefined;
}

/** Largest batch that is tried where the bundle names none. */
const largestBatch = 64;
/**
 * Of the best throughput measured, what a smaller size must reach to be preferred: larger ones only add waiting, and of
 * smaller ones the next is made while one runs.
 */
const enoughThroughput = 0.9;
/** Joining must make this much more of a thread, or answers only wait for each other. */
const leastGain = 1.1;
/** Padding must take at most this share of the time without. */
const paddingGain = 0.95;
/** Durations kept by size; below `leastRuns` they say nothing. */
const runsKept = 5;
const leastRuns = 2;
/** Runs after which the best size is looked for again. */
const measureEvery = 32;
/** One run in so many may be twice as large as pays by what is known: what was measured in a bad moment is found out. */
const exploreEvery = 64;
/** Sizes with durations, the newest. */
const sizesKept = 64;

/** Whether requests of one signature may be joined: nothing is, until it has been shown that rows do not touch. */
export type Joinability = 'unproven' | 'proven' | 'refused';

/** What is known of runs of one signature: how long they take by size, and what batch pays. */
export class Profile {
  readonly line = new DurationLine();
  joinability: Joinability = 'unproven';
  /** Batch dimension of every output; known once proven. */
  outputAxes: ReadonlyMap<string, number> = new Map();
  /** One inference of the form as a client sent it: the version after this one is warmed with it. */
  sample: Tensors | undefined;
  /** Typical time between arrivals, milliseconds. */
  arrivalMs = Number.POSITIVE_INFINITY;
  readonly #settings: BatchSettings;
  readonly #runs = new Map<number, number[]>();
  /** Size of the newest run. */
  #lastRows: number | undefined;
  #lastArrivalMs: number | undefined;
  #bestRows: number | undefined;
  #sinceMeasured = 0;
  #observed = 0;

  constructor(settings: BatchSettings) {
    this.#settings = settings;
  }

  arrived(nowMs: number): void {
    if (this.#lastArrivalMs !== undefined) {
      const betweenMs = nowMs - this.#lastArrivalMs;
      this.arrivalMs = Number.isFinite(this.arrivalMs) ? this.arrivalMs * 0.9 + betweenMs * 0.1 : betweenMs;
    }
    this.#lastArrivalMs = nowMs;
  }

  observe(rows: number, durationMs: number): void {
    this.line.observe(rows, durationMs);
    const runs = this.#runs.get(rows) ?? [];
    runs.push(durationMs);
    if (runs.length > runsKept) runs.shift();
    if (rows !== this.#lastRows) {
      // Set again, so that the sizes not seen for longest come first.
      this.#runs.delete(rows);
      this.#runs.set(rows, runs);
      if (this.#runs.size > sizesKept) this.#runs.delete(this.#runs.keys().next().value ?? rows);
      this.#lastRows = rows;
    }
    this.#observed++;
    if (++this.#sinceMeasured >= measureEvery) this.#bestRows = undefined;
  }

  /** Most inferences that may run together, whether or not that pays. */
  get mostRows(): number {
    const { maxBatchSize, sizes } = this.#settings;
    const most = maxBatchSize ?? (sizes ? Math.max(...sizes) : largestBatch);
    return sizes ? Math.min(most, Math.max(...sizes)) : most;
  }

  /** Most inferences that it pays to run together; 1 when joining does not pay. */
  get rowsThatPay(): number {
    if (this.joinability !== 'proven') return 1;
    if (this.#bestRows === undefined) {
      this.#bestRows = this.#measureBest();
      this.#sinceMeasured = 0;
    }
    const isExploring = this.#observed % exploreEvery === exploreEvery - 1;
    return isExploring ? Math.min(this.mostRows, this.#bestRows * 2) : this.#bestRows;
  }

  /** How many rows a run of `rows` is padded to. */
  paddedRows(rows: number): number {
    const { sizes } = this.#settings;
    if (this.joinability !== 'proven') return rows;
    if (sizes)
      return sizes.filter((size) => size >= rows && size <= this.mostRows).sort((a, b) => a - b)[0] ?? rows;
    const plainMs = this.#typicalMs(rows);
    if (plainMs === undefined) return rows;
    let best = rows;
    let bestMs = plainMs * paddingGain;
    for (let size = powerAbove(rows); size <= this.mostRows; size *= 2) {
      const paddedMs = this.#typicalMs(size);
      if (paddedMs === undefined || paddedMs >= bestMs) continue;
      best = size;
      bestMs = paddedMs;
    }
    return best;
  }

  /** Milliseconds that a run of `rows` is expected to take; 0 while nothing is known. */
  predictMs(rows: number): number {
    return this.line.predict(rows);
  }

  /**
   * Whether it pays that `rows` rows which could run now wait for the next: their own delay, and the longer run, against
   * what joining saves all of them together, which is the fixed part of a run.
   */
  waitingPays(rows: number): boolean {
    const { rowMs, fixedMs } = this.line;
    return (rows + 1) * this.arrivalMs + rows * rowMs < fixedMs;
  }

  /** The smallest size that makes nearly as much of a thread as the best. */
  #measureBest(): number {
    const throughput = (rows: number) => rows / (this.#typicalMs(rows) ?? Number.POSITIVE_INFINITY);
    const known = [...this.#runs.keys()].filter((rows) => rows <= this.mostRows && throughput(rows) > 0);
    const most = Math.max(0, ...known.map(throughput));
    const enough = known.filter((rows) => throughput(rows) >= most * enoughThroughput);
    const best = Math.min(...enough);
    if (enough.length === 0) return 1;
    const single = throughput(1) || 1 / this.predictMs(1);
    return throughput(best) >= single * leastGain ? best : 1;
  }

  #typicalMs(rows: number): number | undefined {
    const runs = this.#runs.get(rows);
    if (runs === undefined || runs.length < leastRuns) return undefined;
    return runs.toSorted((a, b) => a - b)[(runs.length - 1) >> 1];
  }
}

function powerAbove(rows: number): number {
  return 2 ** Math.floor(Math.log2(rows) + 1);
}
