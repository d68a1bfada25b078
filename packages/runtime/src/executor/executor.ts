import type { Clock, Log, Timer } from '@covey/ports';
import { CoveyError, type ErrorDocument, type ModelSchema } from '@covey/protocol';
import type { Platform, Thread, ThreadListener } from '../platform/index.ts';
import type { Tensors } from '../tensors/index.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';

export interface ExecutorOptions extends WorkerStart {
  clock: Clock;
  log: Log;
  /** A run that takes longer is given up, and with it the thread. */
  runTimeoutMs: number;
  /** A file that takes longer to be loaded is given up; left out: never. */
  loadTimeoutMs?: number;
  /** Runs waiting or running at a time; one more is OVERLOADED. */
  maxPending: number;
  /** The thread has ended by itself, or was given up: every run now fails with this error. */
  onEnd?: (error: CoveyError) => void;
  /** The thread of a run that was given up is stuck in native code: only the end of the process frees it. */
  onStuck?: () => void;
}

export interface RunResult {
  outputs: Tensors;
  /** When the model began, on this thread's monotonic clock. */
  startedMs: number;
  /** The model's own time, without waiting and without the way between threads. */
  runMs: number;
}

/** A loaded model. */
export interface Executor {
  readonly schema: ModelSchema;
  /**
   * Runs the model once; runs are answered in order. Inputs over a SharedArrayBuffer reach the thread without a copy and
   * must not be written to until this resolves. Errors: INPUT_INVALID, INFERENCE_FAILED, OVERLOADED, MODEL_UNAVAILABLE
   * (closing), RUNTIME_DIED (the thread ended), DEADLINE_EXCEEDED (it was given up).
   */
  run(inputs: Tensors): Promise<RunResult>;
  /** Lets pending runs finish, releases the session and ends the thread. */
  close(): Promise<void>;
}

/** Loads a model. Errors: those of openSession, RUNTIME_DIED. */
export type StartExecutor = (options: ExecutorOptions) => Promise<Executor>;

interface Pending {
  startedMs: number;
  resolve: (result: RunResult) => void;
  reject: (error: CoveyError) => void;
}

/** A thread that has not ended so long after it was told to never will. */
const stuckAfterMs = 2_000;

/** Starts executors that load their model in a new thread each: whatever it does, the event loop goes on. */
export function threadExecutors({ startThread, sharedMs }: ThreadPlatform): StartExecutor {
  return async (options) => {
    const { path, schema, provider, threads, strict = false, isExact = false, slot } = options;
    const start: WorkerStart = { path, schema, provider, threads, strict, isExact, slot };
    const thread = startThread('model', start);
    warnOfFallback(await loaded(thread, options), options);
    return new ThreadExecutor(options, thread, measureAhead(sharedMs));
  };
}

type ThreadPlatform = Pick<Platform, 'startThread' | 'sharedMs'>;

export function warnOfFallback(reason: string | undefined, { log, provider, path }: ExecutorOptions): void {
  if (reason === undefined) return;
  log.write('warn', `the model runs on the CPU instead of ${provider}: ${reason}`, { path });
}

class ThreadExecutor implements Executor {
  readonly schema: ModelSchema;
  readonly #options: ExecutorOptions;
  readonly #thread: Thread;
  /** What threads tell each other is on the clock they share; this thread's monotonic clock began so much later. */
  readonly #aheadMs: number;
  /** Oldest first. */
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #deadline: Timer | undefined;
  #refusal: CoveyError | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(options: ExecutorOptions, thread: Thread, aheadMs: number) {
    this.#options = options;
    this.#thread = thread;
    this.#aheadMs = aheadMs;
    this.schema = options.schema;
    thread.listen({
      onMessage: (message) => this.#settle(message as FromWorker),
      onEnd: (why) => this.#end('RUNTIME_DIED', `the model's thread ${why}`),
    });
  }

  run(inputs: Tensors): Promise<RunResult> {
    if (this.#refusal) return Promise.reject(this.#refusal);
    if (this.#pending.size >= this.#options.maxPending) {
      const message = `${this.#pending.size} requests wait for this model already`;
      return Promise.reject(new CoveyError('OVERLOADED', message));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { startedMs: this.#options.clock.monotonicMs(), resolve, reject });
      this.#thread.post({ kind: 'run', id, inputs } satisfies ToWorker);
      if (this.#deadline === undefined) this.#watch(this.#options.runTimeoutMs);
    });
  }

  async close(): Promise<void> {
    const hasEnded = this.#refusal !== undefined;
    this.#refusal ??= new CoveyError('MODEL_UNAVAILABLE', 'the model is being replaced; try again shortly');
    if (this.#pending.size > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    this.#deadline?.cancel();
    if (!hasEnded && this.#refusal.code === 'MODEL_UNAVAILABLE') await closeThread(this.#thread);
  }

  #settle(message: FromWorker): void {
    if (message.kind === 'loaded' || message.kind === 'unloadable') return;
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    // Runs are answered in order: the next one begins now.
    for (const next of this.#pending.values()) {
      next.startedMs = this.#options.clock.monotonicMs();
      break;
    }
    if (message.kind === 'done') {
      const { outputs, startedMs, runMs } = message;
      pending?.resolve({ outputs, startedMs: startedMs - this.#aheadMs, runMs });
    } else pending?.reject(errorFrom(message.error));
    if (message.kind === 'failed' && message.error.code === 'RUNTIME_DIED') {
      this.#end('RUNTIME_DIED', message.error.message);
      return;
    }
    if (this.#pending.size === 0) this.#whenIdle?.();
  }

  /** One timer for all runs, set again only when it rings: most have been answered by then. */
  #watch(delayMs: number): void {
    const { clock, runTimeoutMs } = this.#options;
    this.#deadline = clock.setTimer(delayMs, () => {
      this.#deadline = undefined;
      const [oldest] = this.#pending.values();
      if (oldest === undefined) return;
      const leftMs = oldest.startedMs + runTimeoutMs - clock.monotonicMs();
      if (leftMs > 0) this.#watch(leftMs);
      else this.#end('DEADLINE_EXCEEDED', `the model gave no answer within ${runTimeoutMs} ms`);
    });
  }

  /** A thread deep in native code ends only when that returns: nobody waits for it. */
  #end(code: 'RUNTIME_DIED' | 'DEADLINE_EXCEEDED', message: string): void {
    const error = new CoveyError(code, message);
    this.#refusal = error;
    this.#deadline?.cancel();
    this.#thread.listen(nobody);
    this.#terminate();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#whenIdle?.();
    this.#options.onEnd?.(error);
  }

  #terminate(): void {
    const { clock, onStuck } = this.#options;
    const stuck = clock.setTimer(stuckAfterMs, () => onStuck?.());
    void this.#thread.terminate().then(() => stuck.cancel());
  }
}

/** What a thread that is being ended still says was answered before. */
const nobody: ThreadListener = { onMessage: () => {}, onEnd: () => {} };

/** Resolves when the thread has loaded its model, with why that runs on the CPU where something else was asked for. */
function loaded(thread: Thread, { clock, loadTimeoutMs }: ExecutorOptions): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const late =
    loadTimeoutMs === undefined
      ? undefined
      : clock.setTimer(loadTimeoutMs, () => {
          thread.listen(nobody);
          void thread.terminate();
          reject(
            new CoveyError('DEADLINE_EXCEEDED', `it was not loaded within ${Math.round(loadTimeoutMs)} ms`),
          );
        });
  thread.listen({
    onMessage: (received) => {
      const message = received as FromWorker;
      thread.listen(nobody);
      if (message.kind === 'unloadable') reject(errorFrom(message.error));
      else resolve(message.kind === 'loaded' ? message.fallbackReason : undefined);
    },
    onEnd: (why) => reject(new CoveyError('RUNTIME_DIED', `while loading, the model's thread ${why}`)),
  });
  return promise.finally(() => late?.cancel());
}

function closeThread(thread: Thread): Promise<void> {
  return new Promise((resolve) => {
    thread.listen({ onMessage: () => {}, onEnd: () => resolve() });
    thread.post({ kind: 'close' } satisfies ToWorker);
  });
}

function errorFrom({ code, message }: ErrorDocument): CoveyError {
  return new CoveyError(code, message);
}

/** The two clocks are read in turn: of some readings the closest counts, as anything may come between two. */
function measureAhead(sharedMs: () => number): number {
  let [aheadMs, leastMs] = [0, Number.POSITIVE_INFINITY];
  for (let reading = 0; reading < 20; reading++) {
    const beforeMs = performance.now();
    const atMs = sharedMs();
    const afterMs = performance.now();
    if (afterMs - beforeMs >= leastMs) continue;
    leastMs = afterMs - beforeMs;
    aheadMs = atMs - (beforeMs + afterMs) / 2;
  }
  return aheadMs;
}
