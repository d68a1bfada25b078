import { CoveyError } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';
import type { Profile } from './profile.ts';
import type { CancelSignal, RunOptions, RunResult } from './run.ts';
import type { Selectable } from './select.ts';

/** A request that waits or runs. It settles exactly once. */
export class Request implements Selectable {
  readonly inputs: Tensors;
  readonly priority: number;
  readonly enqueuedMs: number;
  readonly deadlineMs: number;
  readonly rows: number;
  readonly profile: Profile;
  runsAlone: boolean;
  readonly #signal: CancelSignal | undefined;
  readonly #settling = Promise.withResolvers<RunResult>();
  #onAbort: (() => void) | undefined;

  constructor(
    inputs: Tensors,
    { priority, deadlineMs, signal }: RunOptions,
    form: { rows: number; profile: Profile; runsAlone: boolean; enqueuedMs: number },
  ) {
    this.inputs = inputs;
    this.priority = priority;
    this.deadlineMs = deadlineMs ?? Number.POSITIVE_INFINITY;
    this.enqueuedMs = form.enqueuedMs;
    this.rows = form.rows;
    this.profile = form.profile;
    this.runsAlone = form.runsAlone;
    this.#signal = signal;
  }

  get result(): Promise<RunResult> {
    return this.#settling.promise;
  }

  /** Calls back when the caller has gone, until the request settles. */
  onCancel(callback: () => void): void {
    if (this.#signal === undefined || this.#onAbort) return;
    this.#onAbort = callback;
    this.#signal.addEventListener('abort', callback);
  }

  get isCancelled(): boolean {
    return this.#signal?.aborted === true;
  }

  resolve(result: RunResult): void {
    this.#forgetSignal();
    if (this.isCancelled) this.#settling.reject(cancelled());
    else this.#settling.resolve(result);
  }

  reject(error: unknown): void {
    this.#forgetSignal();
    this.#settling.reject(error);
  }

  #forgetSignal(): void {
    if (this.#onAbort) this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#onAbort = undefined;
  }
}

export function cancelled(): CoveyError {
  return new CoveyError('CANCELLED', 'the caller gave the request up');
}
