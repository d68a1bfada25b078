import type { Clock, Timer } from '@covey/ports';
import { CoveyError, type Tensor } from '@covey/protocol';
import type { StartThread, Thread, ThreadListener } from '../platform/index.ts';
import type { RunOptions } from '../scheduler/index.ts';
import { isShared } from '../tensors/index.ts';
import type { StepAnswer, StepJob } from './messages.ts';
import type { Step } from './step.ts';

/** Steps that may wait; one more is refused. */
const mostWaiting = 64;
/** A step that takes longer is given up, and its thread with it: the largest picture takes about a second. */
const stepTimeoutMs = 30_000;

export interface StepThreadsOptions {
  clock: Clock;
  startThread: StartThread;
  /** Threads at most; they are started when there is more to do than those there are can do. */
  threads: number;
}

/** Steps away from the event loop. */
export interface StepThreads {
  /**
   * Errors: those of runStep, OVERLOADED, DEADLINE_EXCEEDED (it could not begin in time, or took too long), RUNTIME_DIED
   * (its thread ended), MODEL_UNAVAILABLE (closed), CANCELLED.
   */
  run(
    step: Step,
    inputs: (Tensor | undefined)[],
    options: Pick<RunOptions, 'deadlineMs' | 'signal'>,
  ): Promise<StepResult>;
  close(): Promise<void>;
}

export interface StepResult {
  outputs: Tensor[];
  /** Until a thread was free. */
  queueMs: number;
  /** In the thread, with the way there and back. */
  workMs: number;
}

interface Waiting {
  job: StepJob;
  options: Pick<RunOptions, 'deadlineMs' | 'signal'>;
  calledMs: number;
  resolve: (result: StepResult) => void;
  reject: (error: CoveyError) => void;
}

export function createStepThreads(options: StepThreadsOptions): StepThreads {
  return new WorkerSteps(options);
}

class WorkerSteps implements StepThreads {
  readonly #options: StepThreadsOptions;
  readonly #waiting: Waiting[] = [];
  readonly #idle: Thread[] = [];
  readonly #all = new Set<Thread>();
  #isClosed = false;

  constructor(options: StepThreadsOptions) {
    this.#options = options;
  }

  run(step: Step, inputs: (Tensor | undefined)[], options: Waiting['options']): Promise<StepResult> {
    if (this.#isClosed) return Promise.reject(gone('the runtime is shutting down'));
    if (this.#waiting.length >= mostWaiting) {
      const message = `${this.#waiting.length} pictures and other steps wait already`;
      return Promise.reject(new CoveyError('OVERLOADED', message));
    }
    return new Promise((resolve, reject) => {
      const job = { step, inputs: inputs.map((input) => input && compact(input)) };
      this.#waiting.push({ job, options, calledMs: performance.now(), resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(gone('the runtime is shutting down'));
    await Promise.all([...this.#all].map((thread) => thread.terminate()));
  }

  #next(): void {
    for (;;) {
      if (this.#waiting.length === 0) return;
      const thread = this.#idle.pop() ?? this.#start();
      if (thread === undefined) return;
      const next = this.#firstWanted();
      if (next) this.#give(thread, next);
      else this.#idle.push(thread);
    }
  }

  /** The next that is still worth doing. */
  #firstWanted(): Waiting | undefined {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      const { deadlineMs, signal } = next.options;
      if (signal?.aborted) next.reject(new CoveyError('CANCELLED', 'the caller has gone'));
      else if (deadlineMs !== undefined && performance.now() > deadlineMs)
        next.reject(new CoveyError('DEADLINE_EXCEEDED', 'its turn did not come in time'));
      else return next;
    }
    return undefined;
  }

  #start(): Thread | undefined {
    if (this.#all.size >= this.#options.threads) return undefined;
    const thread = this.#options.startThread('steps', undefined);
    this.#all.add(thread);
    return thread;
  }

  #give(thread: Thread, { job, calledMs, resolve, reject }: Waiting): void {
    const startedMs = performance.now();
    let timer: Timer | undefined;
    const answered = (answer: StepAnswer) => {
      timer?.cancel();
      thread.listen(idle);
      this.#idle.push(thread);
      if (answer.error) reject(new CoveyError(answer.error.code, answer.error.message));
      else
        resolve({
          outputs: answer.outputs,
          queueMs: startedMs - calledMs,
          workMs: performance.now() - startedMs,
        });
      this.#next();
    };
    const given = (error: CoveyError) => {
      timer?.cancel();
      this.#all.delete(thread);
      thread.listen(idle);
      void thread.terminate();
      reject(error);
      this.#next();
    };
    timer = this.#options.clock.setTimer(stepTimeoutMs, () =>
      given(new CoveyError('DEADLINE_EXCEEDED', `it took longer than ${stepTimeoutMs} ms`)),
    );
    thread.listen({
      onMessage: (message) => answered(message as StepAnswer),
      onEnd: (why) => given(new CoveyError('RUNTIME_DIED', `the thread of a step ${why}`)),
    });
    thread.post(job);
  }
}

/** What a thread says that has nothing to do, or was given up. One that ended meanwhile says so when it is given something. */
const idle: ThreadListener = { onMessage: () => {}, onEnd: () => {} };

/** Cloning a view for another thread would copy all of the memory it is of; shared memory is not copied at all. */
function compact(tensor: Tensor): Tensor {
  const { data } = tensor;
  const isWhole = data.byteLength === data.buffer.byteLength || isShared(data.buffer);
  return isWhole ? tensor : { ...tensor, data: new Uint8Array(data) };
}

const gone = (message: string) => new CoveyError('MODEL_UNAVAILABLE', message);
