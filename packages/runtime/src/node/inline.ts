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
  #pending = 0;
  /** When the newest run was over. */
  #endedMs = 0;
  #isClosing = false;
  #whenIdle: (() => void) | undefined;

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
    const calledMs = performance.now();
    try {
      const outputs = await this.#session.run(inputs);
      const endedMs = performance.now();
      // It began when the one before was over: none gives this thread back before.
      const startedMs = Math.max(calledMs, this.#endedMs);
      this.#endedMs = endedMs;
      return { outputs, startedMs, runMs: endedMs - startedMs };
    } finally {
      this.#pending--;
      if (this.#pending === 0) this.#whenIdle?.();
    }
  }

  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    if (this.#pending > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    await this.#session.release();
  }
}
