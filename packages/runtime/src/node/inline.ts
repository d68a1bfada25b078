import { CoveyError, type ModelSchema } from '@covey/protocol';
import {
  type Executor,
  type ExecutorOptions,
  type RunResult,
  type Session,
  warnOfFallback,
} from '../executor/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { openSession } from './sessions.ts';

/**
 * Loads the model in this thread: nothing is handed to another, and the event loop stands still while it is loaded and for
 * as long as each run takes. A run that hangs is not given up. See StartExecutor.
 */
export async function startInlineExecutor(options: ExecutorOptions): Promise<Executor> {
  const session = await openSession(options.path, options.schema, options);
  warnOfFallback(session.fallbackReason, options);
  return new InlineExecutor(options, session);
}

class InlineExecutor implements Executor {
  readonly schema: ModelSchema;
  readonly #maxPending: number;
  readonly #session: Session;
  /** Runs are chained: a close waits for those before it. */
  #last: Promise<unknown> = Promise.resolve();
  #pending = 0;
  #isClosing = false;

  constructor({ schema, maxPending }: ExecutorOptions, session: Session) {
    this.schema = schema;
    this.#maxPending = maxPending;
    this.#session = session;
  }

  async run(inputs: Tensors): Promise<RunResult> {
    if (this.#isClosing)
      throw new CoveyError('MODEL_UNAVAILABLE', 'the model is being replaced; try again shortly');
    if (this.#pending >= this.#maxPending)
      throw new CoveyError('OVERLOADED', `${this.#pending} requests wait for this model already`);
    this.#pending++;
    const running = this.#last.then(() => this.#run(inputs));
    this.#last = running.catch(() => {});
    try {
      return await running;
    } finally {
      this.#pending--;
    }
  }

  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    await this.#last;
    await this.#session.release();
  }

  async #run(inputs: Tensors): Promise<RunResult> {
    const startedMs = performance.now();
    const outputs = await this.#session.run(inputs);
    return { outputs, startedMs, runMs: performance.now() - startedMs };
  }
}
