import { Worker } from 'node:worker_threads';
import type { Clock, Log, Timer } from '@covey/ports';
import { CoveyError, type ErrorDocument, type ModelSchema } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts';

export interface ExecutorOptions extends WorkerStart {
  clock: Clock;
  log: Log;
  /** A run that takes longer is given up, and with it the thread. */
  runTimeoutMs: number;
  /** Runs waiting or running at a time; one more is OVERLOADED. */
  maxPending: number;
}

export interface RunResult {
  outputs: Tensors;
  /** The model's own time, without waiting and without the way between threads. */
  runMs: number;
}

/** A model in a worker thread of its own: whatever it does, the event loop goes on. */
export interface Executor {
  readonly schema: ModelSchema;
  /**
   * Runs the model once; runs are answered in order. Inputs over a SharedArrayBuffer reach the thread without a copy and
   * must not be written to until this resolves. Errors: INPUT_INVALID, INFERENCE_FAILED, OVERLOADED, MODEL_UNAVAILABLE
   * (thread being replaced, or closing), RUNTIME_DIED (thread ended under this run), DEADLINE_EXCEEDED.
   */
  run(inputs: Tensors): Promise<RunResult>;
  /** Lets pending runs finish, releases the session and ends the thread. */
  close(): Promise<void>;
}

interface Pending {
  resolve: (result: RunResult) => void;
  reject: (error: CoveyError) => void;
}

const restartDelayMs = 1_000;

/** Loads the model in a new thread. Errors: those of openSession, RUNTIME_DIED. */
export async function startExecutor(options: ExecutorOptions): Promise<Executor> {
  const executor = new WorkerExecutor(options);
  await executor.start();
  return executor;
}

class WorkerExecutor implements Executor {
  readonly schema: ModelSchema;
  readonly #options: ExecutorOptions;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #nextId = 1;
  #deadline: Timer | undefined;
  #restart: Timer | undefined;
  #closing = false;
  #whenIdle: (() => void) | undefined;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.schema = options.schema;
  }

  async start(): Promise<void> {
    const { path, schema } = this.#options;
    const workerData: WorkerStart = { path, schema };
    const worker = new Worker(new URL(import.meta.resolve('@covey/runtime/worker')), { workerData });
    await loaded(worker);
    if (this.#closing) {
      await closeWorker(worker);
      return;
    }
    worker.on('message', (message: FromWorker) => this.#settle(message));
    worker.on('error', (error) => this.#replace(worker, `the model's thread failed: ${String(error)}`));
    worker.on('exit', () => this.#replace(worker, "the model's thread ended"));
    this.#worker = worker;
  }

  run(inputs: Tensors): Promise<RunResult> {
    const worker = this.#worker;
    if (this.#closing || worker === undefined) {
      return Promise.reject(
        new CoveyError('MODEL_UNAVAILABLE', 'the model is being replaced; try again shortly'),
      );
    }
    if (this.#pending.size >= this.#options.maxPending) {
      const message = `${this.#pending.size} requests wait for this model already`;
      return Promise.reject(new CoveyError('OVERLOADED', message));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      if (this.#pending.size === 1) this.#watch(worker);
      worker.postMessage({ kind: 'run', id, inputs } satisfies ToWorker);
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#restart?.cancel();
    if (this.#pending.size > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker) await closeWorker(worker);
  }

  #settle(message: FromWorker): void {
    if (message.kind === 'loaded' || message.kind === 'unloadable') return;
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    this.#deadline?.cancel();
    if (this.#pending.size > 0 && this.#worker) this.#watch(this.#worker);
    if (message.kind === 'done') pending?.resolve({ outputs: message.outputs, runMs: message.runMs });
    else pending?.reject(errorFrom(message.error));
    if (this.#pending.size === 0) this.#whenIdle?.();
  }

  /** Runs are answered in order: the deadline of the oldest counts from the answer before it. */
  #watch(worker: Worker): void {
    const { clock, runTimeoutMs } = this.#options;
    this.#deadline?.cancel();
    this.#deadline = clock.setTimer(runTimeoutMs, () => {
      this.#replace(worker, `the model gave no answer within ${runTimeoutMs} ms`, 'DEADLINE_EXCEEDED');
    });
  }

  /** Gives up a thread and starts another. A thread deep in native code ends only when that returns: nobody waits for it. */
  #replace(
    worker: Worker,
    message: string,
    code: 'RUNTIME_DIED' | 'DEADLINE_EXCEEDED' = 'RUNTIME_DIED',
  ): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#deadline?.cancel();
    forget(worker);
    // A thread that is being ended may still report errors; they were answered here.
    worker.on('error', () => {});
    void worker.terminate();
    this.#options.log.write('error', message, { path: this.#options.path, waiting: this.#pending.size });
    for (const { reject } of this.#pending.values()) reject(new CoveyError(code, message));
    this.#pending.clear();
    this.#whenIdle?.();
    this.#startAgain();
  }

  #startAgain(): void {
    if (this.#closing) return;
    this.start().catch((error: Error) => {
      this.#options.log.write('error', `the model cannot be loaded again: ${error.message}`);
      if (this.#closing) return;
      this.#restart = this.#options.clock.setTimer(restartDelayMs, () => this.#startAgain());
    });
  }
}

/** Resolves when the thread has loaded its model. */
function loaded(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const died = (why: string) => reject(new CoveyError('RUNTIME_DIED', `while loading, ${why}`));
    worker.once('error', (error) => died(`the model's thread failed: ${String(error)}`));
    worker.once('exit', () => died("the model's thread ended"));
    worker.once('message', (message: FromWorker) => {
      forget(worker);
      if (message.kind === 'unloadable') reject(errorFrom(message.error));
      else resolve();
    });
  });
}

/** Removes our listeners by name: removing all would remove those that Node itself needs to deliver messages. */
function forget(worker: Worker): void {
  for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
}

function closeWorker(worker: Worker): Promise<void> {
  forget(worker);
  return new Promise((resolve) => {
    worker.once('exit', () => resolve());
    worker.once('error', () => resolve());
    worker.postMessage({ kind: 'close' } satisfies ToWorker);
  });
}

function errorFrom({ code, message }: ErrorDocument): CoveyError {
  return new CoveyError(code, message);
}
