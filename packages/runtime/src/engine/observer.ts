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

/** Watches requests: counts, summaries, the slow ones, traces. */
export interface Observer extends Pick<Measurements, 'sampled' | 'catchUp' | 'release'> {
  readonly statistics: Statistics;
  /** Undefined where the request is not recorded. */
  begin(call: InferenceCall): Trace | undefined;
  /** Answered; `inputs` are those of the bundle's own model, where it was part of the answer. */
  answered(
    instance: Instance,
    call: InferenceCall,
    trace: Trace | undefined,
    result: RunResult,
    inputs: Tensors,
  ): void;
  failed(instance: Instance, call: InferenceCall, trace: Trace | undefined, error: ErrorCode): void;
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

  begin({ traceparent, tracestate }: InferenceCall): Trace | undefined {
    return this.#parts.tracer?.begin(traceparent, tracestate);
  }

  answered(
    instance: Instance,
    call: InferenceCall,
    trace: Trace | undefined,
    result: RunResult,
    inputs: Tensors,
  ): void {
    const latencyMs = this.#ended(instance, call, trace, result, undefined);
    this.statistics.served(instance, inputs, latencyMs, result.timings);
  }

  failed(instance: Instance, call: InferenceCall, trace: Trace | undefined, error: ErrorCode): void {
    const latencyMs = this.#ended(instance, call, trace, undefined, error);
    this.statistics.failed(instance, error, latencyMs);
  }

  sampled(instance: Instance, inputs: Tensors, outputs: Tensors): (() => Promise<void>) | undefined {
    return this.#parts.measurements.sampled(instance, inputs, outputs);
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
    call: InferenceCall,
    trace: Trace | undefined,
    result: RunResult | undefined,
    error: ErrorCode | undefined,
  ): number {
    const { slowLog } = this.#parts;
    const latencyMs = performance.now() - call.receivedMs;
    if (slowLog.isSlow(instance, latencyMs)) {
      slowLog.write(instance, {
        latencyMs,
        timings: result?.timings,
        error,
        inputBytes: Object.values(call.inputs).reduce((sum, { data }) => sum + data.byteLength, 0),
        caller: call.caller,
        traceId: trace?.traceId ?? parseTraceparent(call.traceparent)?.traceId,
      });
    }
    if (trace) endTrace(trace, instance, call, result, error);
    return latencyMs;
  }
}

function endTrace(
  trace: Trace,
  { model: { ref, variant, provider, pipeline } }: Instance,
  call: InferenceCall,
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
    const { begunMs } = trace;
    const ranMs = begunMs + queueMs + inputMs;
    trace.within().end({ name: 'queue', fromMs: begunMs, toMs: begunMs + queueMs, attributes: {} });
    const attributes = { 'covey.batch_size': batchSize };
    trace.within().end({ name: 'run', fromMs: ranMs, toMs: ranMs + inferMs, attributes });
  }
}
