import { fromBinary } from '@bufbuild/protobuf';
import type { Clock, Log } from '@covey/ports';
import { CoveyError, type LoadedModel, limits, type ModelVersionRef, type Summary } from '@covey/protocol';
import { SummarySchema } from '@covey/protocol/telemetry-schemas';
import { checkSummary } from '@covey/stats';
import { type StartExecutor, warmUp } from '../executor/index.ts';
import type { Files } from '../platform/index.ts';
import type { RunRecord } from '../record/index.ts';
import {
  createScheduler,
  type Runner,
  type RunOptions,
  type RunResult,
  type Scheduler,
  type SchedulerState,
  type Turnstile,
} from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';
import type { ModelMemory } from './memory.ts';

/** One version in one variant. */
export interface Instance {
  readonly model: LoadedModel;
  /** Errors: those of Scheduler.run. */
  run(inputs: Tensors, options: RunOptions): Promise<RunResult>;
  /** Lets pending runs finish, then releases the model. */
  close(): Promise<void>;
  /** Gives the ranges that out-of-range counts use. */
  readonly reference: Summary | undefined;
  readonly state: SchedulerState;
  /** One inference of each form that clients sent. */
  readonly samples: readonly Tensors[];
}

export interface InstanceOptions {
  clock: Clock;
  log: Log;
  /** Where models wait for each other. */
  turnstile: Turnstile;
  memory: ModelMemory;
  files: Files;
  startExecutor: StartExecutor;
  /** Longest time one inference may take before its thread is given up. */
  runTimeoutMs: number;
  /** Where it is noted what runs; undefined where nobody would look. */
  record: RunRecord | undefined;
  /** A thread of the model is stuck in native code. */
  onHung: (ref: ModelVersionRef) => void;
}

/** Longest time that a request waits for its model to be loaded. */
const longestLoadWaitMs = 30_000;
/** Forms that a version is warmed with: those that clients of the version before sent last. */
const samplesUsed = 4;
/** Runs handed to a thread at a time: one, and one behind it. */
const maxPending = 2;

/** Equal for equal instances: what must be loaded anew when it differs. */
export function instanceKey(model: LoadedModel): string {
  const { ref, variant, provider, threads, strict = false, path, settings } = model;
  const settled = JSON.stringify(settings);
  return [ref.model, ref.bundle, variant, provider, threads, strict, path, settled].join('\n');
}

/** An instance that takes requests, which wait until it is loaded. */
export interface PreparedInstance extends Instance {
  /**
   * Loads, warms and learns, with `samples` of what clients send where there are some. Errors: MODEL_INVALID,
   * MODEL_UNSUPPORTED, INFERENCE_FAILED, all naming the model; what waits then still waits.
   */
  load(samples: readonly Tensors[]): Promise<void>;
  /** It could not be loaded: what waits, and what comes, is run by `other`, or told `error` where there is none. */
  giveUp(error: CoveyError, other: Instance | undefined): void;
}

/** Errors: CONFLICT (resources), MODEL_INVALID (reference summary), naming the model. */
export async function prepareInstance(
  model: LoadedModel,
  options: InstanceOptions,
): Promise<PreparedInstance> {
  const { referencePath, schema } = model;
  const { clock, log, turnstile, memory, files } = options;
  return naming(model, async () => {
    const reference = referencePath === undefined ? undefined : await readReference(files, referencePath);
    const scheduler = createScheduler({
      clock,
      log,
      schema,
      settings: model.settings ?? {},
      threads: model.threads,
      turnstile,
      start: (onEnd) => startRunner(model, options, onEnd),
      isMemoryShort: () => memory.isShort(),
    });
    return new ScheduledInstance(model, reference, scheduler, options);
  });
}

class ScheduledInstance implements PreparedInstance {
  readonly model: LoadedModel;
  readonly reference: Summary | undefined;
  readonly #scheduler: Scheduler;
  readonly #options: InstanceOptions;
  #isLoaded = false;
  #other: Instance | undefined;

  constructor(
    model: LoadedModel,
    reference: Summary | undefined,
    scheduler: Scheduler,
    options: InstanceOptions,
  ) {
    this.model = model;
    this.reference = reference;
    this.#scheduler = scheduler;
    this.#options = options;
  }

  get state(): SchedulerState {
    return this.#scheduler.state;
  }

  get samples(): Tensors[] {
    return this.#scheduler.samples;
  }

  run(inputs: Tensors, options: RunOptions): Promise<RunResult> {
    if (this.#isLoaded) return this.#scheduler.run(inputs, options);
    if (this.#other) return this.#other.run(inputs, options);
    return this.#scheduler.run(inputs, options).catch((error: unknown) => {
      if (this.#other === undefined) throw error;
      return this.#other.run(inputs, options);
    });
  }

  async load(samples: readonly Tensors[]): Promise<void> {
    const { clock, memory } = this.#options;
    const late = clock.setTimer(longestLoadWaitMs, () => {
      const message = `the model is still being loaded after ${longestLoadWaitMs / 1_000} s`;
      this.#scheduler.refuseWaiting(new CoveyError('MODEL_UNAVAILABLE', message));
    });
    try {
      await naming(this.model, () => memory.measured(this.model, () => this.#load(samples)));
      this.#isLoaded = true;
    } finally {
      late.cancel();
    }
  }

  async #load(samples: readonly Tensors[]): Promise<void> {
    const { schema } = this.model;
    await this.#scheduler.open();
    await warmUp((inputs) => this.#scheduler.learn(inputs), schema);
    for (const sample of samples.slice(-samplesUsed)) {
      await this.#scheduler.learn(sample).catch((error: unknown) => {
        // Another version may take what this one does not.
        const isRefused = error instanceof CoveyError && error.code === 'INFERENCE_FAILED';
        if (!isRefused) throw error;
      });
    }
  }

  giveUp(error: CoveyError, other: Instance | undefined): void {
    this.#other = other;
    this.#scheduler.refuseWaiting(error);
  }

  close(): Promise<void> {
    return this.#scheduler.close();
  }
}

async function naming<T>({ ref, variant }: LoadedModel, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CoveyError)) throw error;
    const message = `model ${ref.model} ${ref.version} (${variant}): ${error.message}`;
    throw new CoveyError(error.code, message, { cause: error });
  }
}

/** Loads the model once more and warms it. */
async function startRunner(
  { ref, path, schema, provider, threads, strict = false }: LoadedModel,
  { clock, log, startExecutor, runTimeoutMs, record, onHung }: InstanceOptions,
  onEnd: (error: CoveyError) => void,
): Promise<Runner> {
  const slot = record?.claim(ref.bundle);
  let isHeld = true;
  const release = () => {
    if (slot && isHeld) record?.release(slot);
    isHeld = false;
  };
  const start = { path, schema, provider, threads, strict, slot };
  const ended = (error: CoveyError) => {
    release();
    onEnd(error);
  };
  const limits = { runTimeoutMs, maxPending, onEnd: ended, onStuck: () => onHung(ref) };
  try {
    const executor = await startExecutor({ clock, log, ...start, ...limits });
    const close = async () => {
      await executor.close();
      release();
    };
    await warmUp((inputs) => executor.run(inputs), schema).catch(async (error: unknown) => {
      await close();
      throw error;
    });
    return { run: (inputs) => executor.run(inputs), close };
  } catch (error) {
    release();
    throw error;
  }
}

async function readReference(files: Files, path: string): Promise<Summary> {
  try {
    const bytes = await files.read(path);
    if (bytes.byteLength > limits.telemetryBytes) {
      throw new CoveyError('PAYLOAD_TOO_LARGE', `it has ${bytes.byteLength} bytes`);
    }
    const summary = fromBinary(SummarySchema, bytes);
    checkSummary(summary);
    return summary;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new CoveyError('MODEL_INVALID', `reference summary: ${message}`, { cause });
  }
}
