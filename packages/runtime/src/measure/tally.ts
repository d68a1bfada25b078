import { ExponentialHistogramAccumulator } from '@covey/stats';
import type { Timings } from '../scheduler/index.ts';
import type { FailureReason } from './failure.ts';

/** How often something happened, and how long it took in all. */
export interface Duration {
  count: number;
  totalMs: number;
}

/** Durations of requests, each counted in an exact histogram of milliseconds. */
export class Distribution implements Duration {
  count = 0;
  totalMs = 0;
  readonly histogram = new ExponentialHistogramAccumulator();

  add(ms: number): void {
    this.count++;
    this.totalMs += ms;
    this.histogram.add(ms);
  }

  merge(other: Distribution): void {
    this.count += other.count;
    this.totalMs += other.totalMs;
    this.histogram.merge(other.histogram.toMessage());
  }
}

/** Runs of one size. A run that several requests share is counted in parts, one with each. */
export interface BatchTimes {
  input: Duration;
  infer: Duration;
  output: Duration;
}

/** The parts of a request's time that each have a distribution; those of `Timings`, after all of it. */
const phases = ['success', 'queue', 'input', 'infer', 'output'] as const;

/** What happened to one version in one variant over a time. */
export class Tally {
  /** Inferences computed: a request of batch 8 counts 8, one from the cache none. */
  inferences = 0;
  /** Runs of the model; several requests may share one. */
  executions = 0;
  /** Answered requests, from the whole request read to the answer ready. */
  readonly success = new Distribution();
  readonly queue = new Distribution();
  readonly input = new Distribution();
  readonly infer = new Distribution();
  readonly output = new Distribution();
  /** Requests that were not answered. */
  readonly fail: Duration = none();
  readonly failures = new Map<FailureReason, number>();
  /** By the size of what ran: counts are of runs. */
  readonly batches = new Map<number, BatchTimes>();
  cacheHits = 0;
  cacheMisses = 0;
  /** When the last request was counted, milliseconds since 1970; 0 before the first. */
  lastInferenceMs = 0;

  answered(inferences: number, latencyMs: number, timings: Timings): void {
    const { queueMs, inputMs, inferMs, outputMs } = timings;
    this.success.add(latencyMs);
    // As Triton counts: a remembered answer is a success, and no inference.
    if (timings.batchSize === 0) return;
    this.inferences += inferences;
    this.queue.add(queueMs);
    this.input.add(inputMs);
    this.infer.add(inferMs);
    this.output.add(outputMs);
    const ran = Math.max(inferences, timings.batchSize);
    const share = inferences / ran;
    this.executions += share;
    const batch = this.#batchesOf(ran);
    add(batch.input, share, inputMs * share);
    add(batch.infer, share, inferMs * share);
    add(batch.output, share, outputMs * share);
  }

  failed(reason: FailureReason, latencyMs: number): void {
    add(this.fail, 1, latencyMs);
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
  }

  cached(isHit: boolean): void {
    if (isHit) this.cacheHits++;
    else this.cacheMisses++;
  }

  /** Time in which the model computed, each run once. */
  get busyMs(): number {
    let totalMs = 0;
    for (const { infer } of this.batches.values()) totalMs += infer.totalMs;
    return totalMs;
  }

  /** Adds what another saw, exactly. */
  merge(other: Tally): void {
    this.inferences += other.inferences;
    this.executions += other.executions;
    for (const phase of phases) this[phase].merge(other[phase]);
    add(this.fail, other.fail.count, other.fail.totalMs);
    for (const [reason, count] of other.failures) {
      this.failures.set(reason, (this.failures.get(reason) ?? 0) + count);
    }
    for (const [size, { input, infer, output }] of other.batches) {
      const batch = this.#batchesOf(size);
      add(batch.input, input.count, input.totalMs);
      add(batch.infer, infer.count, infer.totalMs);
      add(batch.output, output.count, output.totalMs);
    }
    this.cacheHits += other.cacheHits;
    this.cacheMisses += other.cacheMisses;
    this.lastInferenceMs = Math.max(this.lastInferenceMs, other.lastInferenceMs);
  }

  #batchesOf(size: number): BatchTimes {
    const found = this.batches.get(size);
    if (found) return found;
    const made = { input: none(), infer: none(), output: none() };
    this.batches.set(size, made);
    return made;
  }
}

function none(): Duration {
  return { count: 0, totalMs: 0 };
}

function add(duration: Duration, count: number, totalMs: number): void {
  duration.count += count;
  duration.totalMs += totalMs;
}
