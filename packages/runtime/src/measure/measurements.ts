import { create } from '@bufbuild/protobuf';
import type { Clock, Timer } from '@covey/ports';
import {
  type LoadedModel,
  type Metrics,
  MetricsSchema,
  type ModelMetrics,
  ModelMetricsSchema,
  type Summary,
} from '@covey/protocol';
import { ExponentialHistogramAccumulator, SummaryAccumulator } from '@covey/stats';
import type { Tensors } from '../tensors/index.ts';

export interface MeasurementsOptions {
  clock: Clock;
  metricsIntervalMs: number;
  summaryIntervalMs: number;
  onMetrics: (metrics: Metrics) => void;
  onSummary: (summary: Summary) => void;
}

/** What is measured: one instance of a model, and the reference its summaries count against. */
export interface MeasuredInstance {
  readonly model: LoadedModel;
  readonly reference: Summary | undefined;
}

/**
 * Counts, latencies and summaries per instance, given out at the end of every window. Windows end at multiples of their
 * interval on the wall clock, so that those of many devices can be laid over each other.
 */
export interface Measurements {
  /** An answered request: `latencyMs` from the whole request read to the answer ready. */
  served(instance: MeasuredInstance, latencyMs: number): void;
  /** A request that the model took and failed. */
  failed(instance: MeasuredInstance): void;
  /** A request that never reached the model: overload, or inputs it cannot take. */
  rejected(instance: MeasuredInstance): void;
  /** The tensors of an answered request; resolves when they are summarized: by the next catchUp, observe or end of a window. */
  observe(instance: MeasuredInstance, inputs: Tensors, outputs: Tensors): Promise<void>;
  /** Summarizes what waits: a good moment is while a model computes and this thread has nothing to do. */
  catchUp(): void;
  /** Gives out what an instance that is gone has still to say. */
  release(instance: MeasuredInstance): void;
  /** Gives out everything now and ends. */
  stop(): void;
}

interface Counters {
  requests: number;
  errors: number;
  rejected: number;
  latencyMs: ExponentialHistogramAccumulator;
}

export function createMeasurements(options: MeasurementsOptions): Measurements {
  return new WindowedMeasurements(options);
}

class WindowedMeasurements implements Measurements {
  readonly #options: MeasurementsOptions;
  readonly #counters = new Map<MeasuredInstance, Counters>();
  readonly #summaries = new Map<MeasuredInstance, SummaryAccumulator>();
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

  served(instance: MeasuredInstance, latencyMs: number): void {
    const counts = this.#countersOf(instance);
    counts.requests++;
    counts.latencyMs.add(latencyMs);
  }

  failed(instance: MeasuredInstance): void {
    const counts = this.#countersOf(instance);
    counts.requests++;
    counts.errors++;
  }

  rejected(instance: MeasuredInstance): void {
    this.#countersOf(instance).rejected++;
  }

  observe(instance: MeasuredInstance, inputs: Tensors, outputs: Tensors): Promise<void> {
    this.catchUp();
    const accumulator = entry(this.#summaries, instance, () =>
      summaryOf(instance, this.#options.clock.now()),
    );
    return new Promise((resolve) => {
      this.#waiting = () => {
        accumulator.add(inputs, outputs, batchSize(instance.model, inputs));
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
    const accumulator = this.#summaries.get(instance);
    if (accumulator) this.#flushSummary(accumulator);
    this.#summaries.delete(instance);
    if (this.#counters.has(instance)) this.#flushMetrics();
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#flushSummaries();
    if (this.#counters.size > 0) this.#flushMetrics();
  }

  #countersOf(instance: MeasuredInstance): Counters {
    return entry(this.#counters, instance, () => ({
      requests: 0,
      errors: 0,
      rejected: 0,
      latencyMs: new ExponentialHistogramAccumulator(),
    }));
  }

  #flushMetrics(): void {
    const toMs = this.#options.clock.now();
    const models = [...this.#counters].map(([{ model }, counts]) => modelMetrics(model, counts));
    this.#counters.clear();
    this.#options.onMetrics(create(MetricsSchema, { fromMs: this.#metricsFromMs, toMs, models }));
    this.#metricsFromMs = toMs;
  }

  #flushSummaries(): void {
    this.catchUp();
    for (const accumulator of this.#summaries.values()) this.#flushSummary(accumulator);
  }

  #flushSummary(accumulator: SummaryAccumulator): void {
    const summary = accumulator.take(this.#options.clock.now());
    if (summary.inferences > 0) this.#options.onSummary(summary);
  }
}

function summaryOf({ model, reference }: MeasuredInstance, fromMs: number): SummaryAccumulator {
  const { ref, variant, schema, classification } = model;
  return new SummaryAccumulator(
    {
      model: ref.model,
      version: ref.version,
      variant,
      schema,
      ...(classification && { classification }),
      ...(reference && { reference }),
    },
    fromMs,
  );
}

/** Inferences in one request: the first dimension of the first input that has more than one. */
function batchSize({ schema }: LoadedModel, inputs: Tensors): number {
  const batched = schema.inputs.find(({ shape }) => shape.length > 1);
  return (batched && inputs[batched.name]?.shape[0]) ?? 1;
}

function modelMetrics({ ref, variant, provider }: LoadedModel, counts: Counters): ModelMetrics {
  const { requests, errors, rejected, latencyMs } = counts;
  const { model, version } = ref;
  return create(ModelMetricsSchema, {
    model,
    version,
    variant,
    provider,
    requests,
    errors,
    rejected,
    latencyMs: latencyMs.toMessage(),
  });
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

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
