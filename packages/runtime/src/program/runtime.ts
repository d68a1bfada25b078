import {
  CoveyError,
  checkDocument,
  type LoadedModel,
  type Metrics,
  type ModelSchema,
  type Provider,
  type Route,
  RouteSchema,
  type Summary,
  type Tensor,
} from '@covey/protocol';
import * as v from 'valibot';
import type { Engine, EngineOptions } from '../engine/index.ts';
import type { Timings } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';

/** What a program may say about how its models are served. */
export interface ServingOptions {
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

/** Models served in this program: what the runtime process does, without HTTP. `File` is what says where a model is. */
export interface Runtime<File> {
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
   * it is another. Errors: those of `open`; MODEL_UNAVAILABLE after `close`.
   */
  replace(models: readonly File[], routes?: Route[]): Promise<void>;
  /** Finishes what runs, gives out the last measurements, releases everything. */
  close(): Promise<void>;
}

/** Time that what runs gets to finish. */
const closeGraceMs = 10_000;

/** What an engine is told by these options. */
export function engineOptionsOf({
  metricsIntervalMs = 10_000,
  summaryIntervalMs = 60_000,
  onMetrics,
  onSummary,
}: ServingOptions): Pick<EngineOptions, 'metricsIntervalMs' | 'summaryIntervalMs' | 'summaryShare' | 'send'> {
  return {
    metricsIntervalMs,
    summaryIntervalMs,
    // What nobody is told is not made.
    ...(onSummary === undefined && { summaryShare: 0 }),
    send: (message) => {
      try {
        if (message.type === 'metrics') onMetrics?.(message.metrics);
        else if (message.type === 'summary') onSummary?.(message.summary);
      } catch (error) {
        // A fault of the program's, for whoever hears of those: the runtime goes on, and closes.
        queueMicrotask(() => {
          throw error;
        });
      }
    },
  };
}

/** Makes of files what a plan names. */
export interface Loader<File> {
  load(files: readonly File[]): Promise<LoadedModel[]>;
  /** These serve now, and no others. */
  opened(models: readonly LoadedModel[]): void;
}

/** Serves `models` with the engine, which it closes in the end. */
export async function openRuntime<File>(
  engine: Engine,
  loader: Loader<File>,
  models: readonly File[],
  routes?: Route[],
): Promise<Runtime<File>> {
  const runtime = new EmbeddedRuntime(engine, loader);
  try {
    await runtime.replace(models, routes);
  } catch (error) {
    await engine.close(closeGraceMs);
    throw error;
  }
  return runtime;
}

class EmbeddedRuntime<File> implements Runtime<File> {
  readonly #engine: Engine;
  readonly #loader: Loader<File>;
  #plans = 0;
  /** Replacements, one after the other. */
  #queue: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(engine: Engine, loader: Loader<File>) {
    this.#engine = engine;
    this.#loader = loader;
  }

  async infer(model: string, inputs: Tensors, options: InferOptions = {}): Promise<Inference> {
    const { version, key, priority = 0, timeoutMs, signal } = options;
    checkCall(inputs, priority, timeoutMs);
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

  replace(models: readonly File[], routes?: Route[]): Promise<void> {
    const replaced = this.#queue.then(async () => {
      if (!Array.isArray(models)) throw new CoveyError('INVALID_DOCUMENT', 'a list of models is wanted');
      if (this.#isClosed) throw new CoveyError('MODEL_UNAVAILABLE', 'the runtime was closed');
      const checked = routes && checkDocument(v.array(RouteSchema), routes, 'routes');
      const loaded = await this.#loader.load(models);
      await this.#engine.apply({ plan: ++this.#plans, models: loaded, ...(checked && { routes: checked }) });
      this.#loader.opened(loaded);
    });
    // A replacement that failed is its caller's business, not that of the next.
    this.#queue = replaced.catch(() => {});
    return replaced;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#engine.stopAccepting();
    // One under way would leave its models loaded; one that hangs is not waited for.
    await within(closeGraceMs, this.#queue);
    await this.#engine.close(closeGraceMs);
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let late: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    late = setTimeout(resolve, ms);
  });
  await Promise.race([work, over]);
  clearTimeout(late);
}

/** Programs without types call as well; what tensors hold is checked with the model's schema. */
function checkCall(inputs: Tensors, priority: number, timeoutMs: number | undefined): void {
  if (typeof inputs !== 'object' || inputs === null)
    throw new CoveyError('INPUT_INVALID', 'inputs: tensors by their names are wanted');
  for (const [name, given] of Object.entries(inputs) as [string, Partial<Tensor> | null | undefined][]) {
    if (!(given?.data instanceof Uint8Array) || !Array.isArray(given.shape))
      throw new CoveyError('INPUT_INVALID', `input "${name}" is no tensor: make one with \`tensor\``);
  }
  if (!(priority >= 0)) throw new CoveyError('INPUT_INVALID', 'priority: a number from 0 to 9 is wanted');
  if (timeoutMs !== undefined && !(timeoutMs >= 0))
    throw new CoveyError('INPUT_INVALID', 'timeoutMs: milliseconds are wanted');
}
