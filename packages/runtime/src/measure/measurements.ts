import { create } from '@bufbuild/protobuf';
import type { Clock, Timer } from '@covey/ports';
import type { Metrics, Summary } from '@covey/protocol';
import { MetricsSchema } from '@covey/protocol/telemetry-schemas';
import type { Tensors } from '../tensors/index.ts';
import { modelMetrics } from './model-metrics.ts';
import type { CountedInstance, Statistics } from './statistics.ts';
import { InstanceSummary, type SummarizedInstance } from './summaries.ts';

export interface MeasurementsOptions {
  clock: Clock;
  /** Uniform in [0, 1): chooses what is summarized. */
  random: () => number;
  statistics: Statistics;
  metricsIntervalMs: number;
  summaryIntervalMs: number;
  /** Of one core, that summaries may take in all: see Sampler. */
  summaryShare: number;
  onMetrics: (metrics: Metrics) => void;
  onSummary: (summary: Summary) => void;
}

/** One instance of a model. */
export interface MeasuredInstance extends CountedInstance, SummarizedInstance {}

/**
 * What was counted, and summaries of inputs and outputs, given out at the end of every window. Windows end at multiples of
 * their interval on the wall clock, so that those of many devices can be laid over each other.
 */
export interface Measurements {
  /**
   * An answered request is counted; undefined where it is not in the sample, as most are. What it gives for one that is takes
   * up its tensors: to be called when there is time. That resolves when nobody looks at them any more, by the next catchUp,
   * request of the sample or end of a window.
   */
  sampled(instance: MeasuredInstance, inputs: Tensors, outputs: Tensors): (() => Promise<void>) | undefined;
  /** Summarizes what waits: a good moment is while a model computes and this thread has nothing to do. */
  catchUp(): void;
  /** Gives out what an instance that is gone has still to say. */
  release(instance: MeasuredInstance): void;
  /** Gives out everything now and ends. */
  stop(): void;
}

export function createMeasurements(options: MeasurementsOptions): Measurements {
  return new WindowedMeasurements(options);
}

class WindowedMeasurements implements Measurements {
  readonly #options: MeasurementsOptions;
  readonly #summaries = new Map<MeasuredInstance, InstanceSummary>();
  readonly #timers: Timer[];
  #metricsFromMs: number;
  /** At most one request's tensors are kept beyond their request. */
  #waiting: (() => void) | undefined;

  constructor(options: MeasurementsOptions) {
    const { clock, metricsIntervalMs, summaryIntervalMs } = options;
    this.#options = options;
    this.#metricsFromMs = clock.now();
    this.#timers = [
      everyWindow(clock, metricsIntervalMs, () => this.#flushMetrics()),
      everyWindow(clock, summaryIntervalMs, () => this.#flushSummaries()),
    ];
  }

  sampled(instance: MeasuredInstance, inputs: Tensors, outputs: Tensors): (() => Promise<void>) | undefined {
    // What nobody is told is not made.
    if (this.#options.summaryShare === 0) return undefined;
    const share = this.#options.summaryShare / Math.max(1, this.#summaries.size);
    const look = this.#summaryOf(instance).offer(inputs, outputs, share);
    return look && (() => this.#lookLater(look));
  }

  #lookLater(look: () => void): Promise<void> {
    this.catchUp();
    return new Promise((resolve) => {
      this.#waiting = () => {
        look();
        resolve();
      };
    });
  }

  catchUp(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }

  release(instance: MeasuredInstance): void {
    this.catchUp();
    this.#flushSummary(this.#summaries.get(instance));
    this.#summaries.delete(instance);
    this.#flushMetrics({ isPart: true });
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#flushSummaries();
    this.#flushMetrics({ isPart: true });
  }

  #summaryOf(instance: MeasuredInstance): InstanceSummary {
    const found = this.#summaries.get(instance);
    if (found) return found;
    const { clock, random } = this.#options;
    const made = new InstanceSummary(instance, clock, random);
    this.#summaries.set(instance, made);
    return made;
  }

  /** A part of a window is told only when something was counted in it. */
  #flushMetrics({ isPart = false } = {}): void {
    const fromMs = this.#metricsFromMs;
    const toMs = this.#options.clock.now();
    const models = [...this.#options.statistics.takeWindow()].map(([{ model, state }, tally]) =>
      modelMetrics(model, state, tally),
    );
    if (isPart && models.length === 0) return;
    this.#options.onMetrics(create(MetricsSchema, { fromMs, toMs, models }));
    this.#metricsFromMs = toMs;
  }

  #flushSummaries(): void {
    this.catchUp();
    for (const summary of this.#summaries.values()) this.#flushSummary(summary);
  }

  #flushSummary(summary: InstanceSummary | undefined): void {
    const taken = summary?.take();
    if (taken) this.#options.onSummary(taken);
  }
}

/** Calls back at every multiple of `intervalMs` on the wall clock. */
function everyWindow(clock: Clock, intervalMs: number, callback: () => void): Timer {
  let timer: Timer;
  const wait = () => {
    timer = clock.setTimer(intervalMs - (clock.now() % intervalMs), () => {
      wait();
      callback();
    });
  };
  wait();
  return { cancel: () => timer.cancel() };
}
