import type { Clock, Fetch, Log } from '@covey/ports';
import type { ErrorCode, InferenceObserving, Metrics, Summary } from '@covey/protocol';
import {
  createMeasurements,
  createProcessMeter,
  createSlowLog,
  createStatistics,
  type Measurements,
  type ProcessFigures,
  type ProcessMeter,
  type SlowLog,
  type Statistics,
} from '../measure/index.ts';
import type { Instance } from '../models/index.ts';
import type { ProcessReading } from '../platform/index.ts';
import type { RunResult } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { createTracer, parseTraceparent, type Trace, type Tracer } from '../trace/index.ts';
import type { InferenceCall } from './call.ts';
import type { Observed } from './targets.ts';

export interface ObserverOptions extends InferenceObserving {
  metricsIntervalMs: number;
  summaryIntervalMs: number;
  /** Of one core, for summaries of all models; left out: 0.02. */
  summaryShare?: number;
}

/** Of the runtime itself. */
export interface RuntimeFigures extends ProcessFigures {
  /** Spans that the collector took, and that it did not; undefined where requests are not traced. */
  spans: { exported: number; dropped: number } | undefined;
}

/** A request, from the call to its end. */
export interface Observation {
  readonly call: InferenceCall;
  readonly calledMs: number;
  readonly trace: Trace | undefined;
}

/** Watches requests: counts, summaries, the slow ones, traces. */
export interface Observer extends Pick<Measurements, 'observe' | 'catchUp' | 'release'> {
  readonly statistics: Statistics;
  begin(call: InferenceCall): Observation;
  /** Answered; `observed` is what the bundle's own model was given, where it was part of the answer. */
  answered(
    instance: Instance,
    observation: Observation,
    result: RunResult,
    observed: Observed | undefined,
  ): void;
  failed(instance: Instance, observation: Observation, error: ErrorCode): void;
  figures(): RuntimeFigures;
  /** Gives out everything and ends. */
  stop(): Promise<void>;
}

interface Surroundings {
  clock: Clock;
  log: Log;
  fetch: Fetch;
  process: ProcessReading | undefined;
  onMetrics: (metrics: Metrics) => void;
  onSummary: (summary: Summary) => void;
}

const defaultSummaryShare = 0.02;

export function createObserver(options: ObserverOptions, surroundings: Surroundings): Observer {
  const { clock, log, fetch, process } = surroundings;
  const { otlpUrl, slowRequestMs: thresholdMs } = options;
  const statistics = createStatistics(() => clock.now());
  const resource = { 'service.name': 'covey-runtime', ...(process && { 'process.pid': process.id }) };
  return new RequestObserver({
    statistics,
    measurements: createMeasurements({
      ...surroundings,
      random: Math.random,
      statistics,
      metricsIntervalMs: options.metricsIntervalMs,
      summaryIntervalMs: options.summaryIntervalMs,
      summaryShare: options.summaryShare ?? defaultSummaryShare,
    }),
    slowLog: createSlowLog({ clock, log: log.component('slow'), statistics, thresholdMs }),
    meter: createProcessMeter(clock, process),
    tracer:
      otlpUrl === undefined
        ? undefined
        : createTracer({ clock, log: log.component('trace'), fetch, url: otlpUrl, resource }),
  });
}

interface Parts {
  statistics: Statistics;
  measurements: Measurements;
  slowLog: SlowLog;
  meter: ProcessMeter;
  tracer: Tracer | undefined;
}

class RequestObserver implements Observer {
  readonly statistics: Statistics;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.statistics = parts.statistics;
    this.#parts = parts;
  }

  begin(call: InferenceCall): Observation {
    const trace = this.#parts.tracer?.begin(call.traceparent, call.tracestate);
    return { call, calledMs: performance.now(), trace };
  }

  answered(
    instance: Instance,
    observation: Observation,
    result: RunResult,
    observed: Observed | undefined,
  ): void {
    const latencyMs = this.#ended(instance, observation, result, undefined);
    const inputs = observed?.inputs ?? observation.call.inputs;
    this.statistics.served(instance, inputs, latencyMs, result.timings);
  }

  failed(instance: Instance, observation: Observation, error: ErrorCode): void {
    const latencyMs = this.#ended(instance, observation, undefined, error);
    this.statistics.failed(instance, error, latencyMs);
  }

  observe(instance: Instance, inputs: Tensors, outputs: Tensors): Promise<void> {
    return this.#parts.measurements.observe(instance, inputs, outputs);
  }

  catchUp(): void {
    this.#parts.measurements.catchUp();
  }

  release(instance: Instance): void {
    this.#parts.measurements.release(instance);
  }

  figures(): RuntimeFigures {
    const { meter, tracer } = this.#parts;
    return { ...meter.figures(), spans: tracer && { ...tracer.figures } };
  }

  async stop(): Promise<void> {
    const { measurements, meter, tracer } = this.#parts;
    measurements.stop();
    meter.stop();
    await tracer?.stop();
  }

  /** Before it is counted: the slow are measured against those before them. */
  #ended(
    instance: Instance,
    observation: Observation,
    result: RunResult | undefined,
    error: ErrorCode | undefined,
  ): number {
    const { call, trace } = observation;
    const latencyMs = performance.now() - call.receivedMs;
    const seen = () => ({
      latencyMs,
      timings: result?.timings,
      error,
      inputBytes: Object.values(call.inputs).reduce((sum, { data }) => sum + data.byteLength, 0),
      caller: call.caller,
      traceId: trace?.traceId ?? parseTraceparent(call.traceparent)?.traceId,
    });
    this.#parts.slowLog.note(instance, seen, latencyMs);
    if (trace) endTrace(trace, instance, observation, result, error);
    return latencyMs;
  }
}

function endTrace(
  trace: Trace,
  { model: { ref, variant, provider, pipeline } }: Instance,
  { call, calledMs }: Observation,
  result: RunResult | undefined,
  error: ErrorCode | undefined,
): void {
  trace.end({
    name: `infer ${ref.model}`,
    fromMs: call.receivedMs,
    toMs: performance.now(),
    attributes: {
      'covey.model': ref.model,
      'covey.version': ref.version,
      'covey.variant': variant,
      'covey.provider': provider,
      'covey.caller': call.caller,
    },
    error,
  });
  // Those of a pipeline's stages were told when each was over.
  if (result && pipeline === undefined) {
    const { queueMs, inputMs, inferMs, batchSize } = result.timings;
    const ranMs = calledMs + queueMs + inputMs;
    trace.within().end({ name: 'queue', fromMs: calledMs, toMs: calledMs + queueMs, attributes: {} });
    const attributes = { 'covey.batch_size': batchSize };
    trace.within().end({ name: 'run', fromMs: ranMs, toMs: ranMs + inferMs, attributes });
  }
}
