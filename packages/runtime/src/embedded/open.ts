import { resolve } from 'node:path';
import { streamLog, systemClock } from '@covey/ports';
import {
  type Classification,
  CoveyError,
  type LoadedModel,
  type Metrics,
  type ModelSchema,
  type Provider,
  type Route,
  type ServingPlan,
  type ServingSettings,
  type Summary,
} from '@covey/protocol';
import { createEngine, type Engine } from '../engine/index.ts';
import { readSchema } from '../executor/index.ts';
import type { Timings } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';

/** An ONNX file to be served in this program. */
export interface ModelFile {
  /** What requests call it. */
  name: string;
  path: string;
  /** SemVer; several versions of one name may be open at a time. Default 1.0.0. */
  version?: string;
  /** Default `cpu`. */
  provider?: Provider;
  /** Threads that compute one inference on the CPU. Default 1. */
  threads?: number;
  settings?: ServingSettings;
  classification?: Classification;
}

export interface OpenOptions {
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
  /** Names, types and shapes of a model's inputs and outputs. Errors: MODEL_UNKNOWN. */
  schema(model: string, version?: string): ModelSchema;
  /** Serves these from now on, without failing a request; on an error everything stays as it was. */
  replace(models: readonly ModelFile[], routes?: Route[]): Promise<void>;
  /** Finishes what runs, gives out the last measurements, releases everything. */
  close(): Promise<void>;
}

const closeGraceMs = 10_000;

/**
 * Serves ONNX files in this program, each in a thread of its own. A native fault in a model ends the program: where that
 * must not be, let `covey agent` serve it in a process of its own.
 * Errors: MODEL_INVALID, MODEL_UNSUPPORTED, INFERENCE_FAILED, INVALID_DOCUMENT (routes).
 */
export async function open(models: readonly ModelFile[], options: OpenOptions = {}): Promise<Runtime> {
  const engine = createEngine({
    clock: systemClock,
    log: streamLog({ write: () => true }, systemClock, 'error'),
    metricsIntervalMs: options.metricsIntervalMs ?? 10_000,
    summaryIntervalMs: options.summaryIntervalMs ?? 60_000,
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

async function loadedModel(file: ModelFile, index: number): Promise<LoadedModel> {
  const { name, version = '1.0.0', provider = 'cpu', threads = 1, settings, classification } = file;
  const path = resolve(file.path);
  if (!/^\d+\.\d+\.\d+/.test(version)) {
    throw new CoveyError('INVALID_DOCUMENT', `version ${version} of ${name} is not SemVer, such as 1.0.0`);
  }
  return {
    // A file that was given is its own identity: no bundle stands behind it.
    ref: { model: name, version, number: index + 1, bundle: Buffer.from(path).toString('hex').slice(-64) },
    variant: 'file',
    provider,
    threads,
    path,
    schema: await readSchema(path),
    ...(settings && { settings }),
    ...(classification && { classification }),
  };
}
