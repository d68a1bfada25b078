import { streamLog, systemClock } from '@covey/ports';
import type { Metrics, ModelSchema, Provider, Route, ServingPlan, Summary } from '@covey/protocol';
import { createEngine, type Engine } from '../engine/index.ts';
import { startInlineExecutor } from '../executor/index.ts';
import type { Timings } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { loadedModel, type ModelFile } from './model-file.ts';

export interface OpenOptions {
  /**
   * Runs models in this thread: an inference is about as fast as ONNX Runtime alone, and **nothing else of the program runs
   * while a model computes or is loaded**: no timer, no other request. For models that answer within what the program may
   * stand still, or programs that have nothing else to do. A run that hangs is not given up. Left out: each in a thread.
   */
  inline?: boolean;
  /** Which version answers what; a model of one version needs none. */
  routes?: Route[];
  /** Called every `metricsIntervalMs`, 10 s unless said, with what was counted and timed. */
  onMetrics?: (metrics: Metrics) => void;
  metricsIntervalMs?: number;
  /** Called every `summaryIntervalMs`, 60 s unless said, for each model with sketches of its inputs and outputs. */
  onSummary?: (summary: Summary) => void;
  summaryIntervalMs?: number;
}

/** What a caller may say about one inference. */
export interface InferOptions {
  /** SemVer or channel; the model's route decides when left out. */
  version?: string;
  /** Requests with the same key are answered by the same version while shares do not change. */
  key?: string;
  /** 1 is served first; 0, the default, is the middle. */
  priority?: number;
  /** Refused at once when it would be answered later than this. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface Inference {
  outputs: Tensors;
  version: string;
  variant: string;
  provider: Provider;
  timings: Timings;
}

/** Models served in this program: what the runtime process does, without HTTP. */
export interface Runtime {
  /**
   * One inference. The memory of the inputs must not be written to until it resolves, and where they lie in shared memory
   * until the summary of them is made: keep a buffer of your own.
   * Errors: MODEL_UNKNOWN, MODEL_UNAVAILABLE, INPUT_INVALID, INFERENCE_FAILED, OVERLOADED, DEADLINE_EXCEEDED, CANCELLED,
   * RUNTIME_DIED.
   */
  infer(model: string, inputs: Tensors, options?: InferOptions): Promise<Inference>;
  /** Names, types and shapes of what a model, or the pipeline around it, takes and gives. Errors: MODEL_UNKNOWN. */
  schema(model: string, version?: string): ModelSchema;
  /**
   * Serves these from now on, without failing a request; on an error everything stays as it was. A file is loaded again when
   * its size or the time of its last change is another. Errors: those of `open`.
   */
  replace(models: readonly ModelFile[], routes?: Route[]): Promise<void>;
  /** Finishes what runs, gives out the last measurements, releases everything. */
  close(): Promise<void>;
}

const closeGraceMs = 10_000;

/**
 * Serves ONNX files in this program, each in a thread of its own unless `inline`. A native fault in a model ends the program: where that
 * must not be, let `covey agent` serve it in a process of its own.
 * Errors: MODEL_INVALID, MODEL_UNSUPPORTED, INFERENCE_FAILED, INVALID_DOCUMENT (version, settings, pipeline, routes).
 */
export async function open(models: readonly ModelFile[], options: OpenOptions = {}): Promise<Runtime> {
  const engine = createEngine({
    clock: systemClock,
    log: streamLog({ write: () => true }, systemClock, 'error'),
    metricsIntervalMs: options.metricsIntervalMs ?? 10_000,
    summaryIntervalMs: options.summaryIntervalMs ?? 60_000,
    ...(options.inline && { startExecutor: startInlineExecutor }),
    send: (message) => {
      if (message.type === 'metrics') options.onMetrics?.(message.metrics);
      else if (message.type === 'summary') options.onSummary?.(message.summary);
    },
  });
  const runtime = new EmbeddedRuntime(engine);
  try {
    await runtime.replace(models, options.routes);
  } catch (error) {
    await engine.close(closeGraceMs);
    throw error;
  }
  return runtime;
}

class EmbeddedRuntime implements Runtime {
  readonly #engine: Engine;
  #plans = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async infer(model: string, inputs: Tensors, options: InferOptions = {}): Promise<Inference> {
    const { version, key, priority = 0, timeoutMs, signal } = options;
    const servable = this.#engine.route({ model, version, key });
    const reply = await this.#engine.infer(servable, {
      inputs,
      priority,
      timeoutMs,
      caller: 'embedded',
      traceparent: undefined,
      signal,
      receivedMs: performance.now(),
    });
    void reply.finish();
    const { ref, variant, provider } = reply.model;
    return { outputs: reply.outputs, version: ref.version, variant, provider, timings: reply.timings };
  }

  schema(model: string, version?: string): ModelSchema {
    return this.#engine.route({ model, version, key: undefined }).model.schema;
  }

  async replace(models: readonly ModelFile[], routes?: Route[]): Promise<void> {
    const loaded = await Promise.all(models.map(loadedModel));
    const plan: ServingPlan = { plan: ++this.#plans, models: loaded, ...(routes && { routes }) };
    await this.#engine.apply(plan);
  }

  async close(): Promise<void> {
    this.#engine.stopAccepting();
    await this.#engine.close(closeGraceMs);
  }
}
