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
import type { Tensors } from '../executor/index.ts';

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
  /** The tensors of an answered request; summarized by the next catchUp, observe or end of a window. */
  observe(instance: MeasuredInstance, inputs: Tensors, outputs: Tensors): void;
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
  const { clock } = options;
  const counters = new Map<MeasuredInstance, Counters>();
  const summaries = new Map<MeasuredInstance, SummaryAccumulator>();
  let metricsFromMs = clock.now();
  // At most one request's tensors are kept beyond their request.
  let waiting: (() => void) | undefined;

  const countersOf = (instance: MeasuredInstance) =>
    entry(counters, instance, () => ({
      requests: 0,
      errors: 0,
      rejected: 0,
      latencyMs: new ExponentialHistogramAccumulator(),
    }));
  const flushMetrics = () => {
    const toMs = clock.now();
    const models = [...counters].map(([{ model }, counts]) => modelMetrics(model, counts));
    counters.clear();
    options.onMetrics(create(MetricsSchema, { fromMs: metricsFromMs, toMs, models }));
    metricsFromMs = toMs;
  };
  const flushSummary = (accumulator: SummaryAccumulator) => {
    const summary = accumulator.take(clock.now());
    if (summary.inferences > 0) options.onSummary(summary);
  };
  const catchUp = () => {
    waiting?.();
    waiting = undefined;
  };
  const flushSummaries = () => {
    catchUp();
    for (const accumulator of summaries.values()) flushSummary(accumulator);
  };
  const timers = [
    everyWindow(clock, options.metricsIntervalMs, flushMetrics),
    everyWindow(clock, options.summaryIntervalMs, flushSummaries),
  ];
  return {
    served: (instance, latencyMs) => {
      const counts = countersOf(instance);
      counts.requests++;
      counts.latencyMs.add(latencyMs);
    },
    failed: (instance) => {
      const counts = countersOf(instance);
      counts.requests++;
      counts.errors++;
    },
    rejected: (instance) => {
      countersOf(instance).rejected++;
    },
    observe: (instance, inputs, outputs) => {
      catchUp();
      const accumulator = entry(summaries, instance, () => summaryOf(instance, clock.now()));
      waiting = () => accumulator.add(inputs, outputs, batchSize(instance.model, inputs));
    },
    catchUp,
    release: (instance) => {
      catchUp();
      const accumulator = summaries.get(instance);
      if (accumulator) flushSummary(accumulator);
      summaries.delete(instance);
      if (counters.has(instance)) flushMetrics();
    },
    stop: () => {
      for (const timer of timers) timer.cancel();
      flushSummaries();
      if (counters.size > 0) flushMetrics();
    },
  };
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
