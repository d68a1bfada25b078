import type { Clock, Log, Timer } from '@covey/ports';
import { type CoveyError, toCoveyError } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';
import type { Pass } from './turnstile.ts';

/** What a run on a thread gave. Times are those of this thread's monotonic clock. */
export interface Ran {
  outputs: Tensors;
  /** When ONNX Runtime began. */
  startedMs: number;
  /** What ONNX Runtime took. */
  runMs: number;
}

/** A loaded session, in a thread or in this one. One life: who dies is not used again. */
export interface Runner {
  run(inputs: Tensors): Promise<Ran>;
  close(): Promise<void>;
}

/** Loads the model once more; `onEnd` is called when the thread ends by itself or is given up. */
export type StartRunner = (onEnd: (error: CoveyError) => void) => Promise<Runner>;

/** One loaded session and what is under way in it. */
export interface Slot {
  readonly runner: Runner;
  inFlight: number;
  /** When what is in flight is expected to have run. */
  expectedEndMs: number;
  /** When its newest run ended. */
  lastEndMs: number;
  /** Held while something is in flight. */
  pass: Pass | undefined;
  /** It takes no more work. */
  isLeaving: boolean;
}

const restartDelayMs = 1_000;

export interface PoolOptions {
  clock: Clock;
  log: Log;
  start: StartRunner;
  /** A session has become free for work. */
  onReady: () => void;
  /** No session is there and none can be loaded, for now. */
  onUnavailable: (error: CoveyError) => void;
}

/** The sessions of one model: as many as `scaleTo` says, each replaced when it dies. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #slots = new Set<Slot>();
  readonly #closing = new Set<Promise<void>>();
  #starting = 0;
  #target = 0;
  #retry: Timer | undefined;
  #whenGone: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get slots(): ReadonlySet<Slot> {
    return this.#slots;
  }

  /** A session with nothing to do. */
  get free(): Slot | undefined {
    for (const slot of this.#slots) if (slot.inFlight === 0 && !slot.isLeaving) return slot;
    return undefined;
  }

  get target(): number {
    return this.#target;
  }

  /** Loads the first session. Errors: those of loading. */
  async open(): Promise<void> {
    this.#target = Math.max(1, this.#target);
    await this.#startOne();
  }

  /** Loads or releases sessions; what runs is finished. A failure to load is tried again while it is wanted. */
  scaleTo(target: number): void {
    this.#target = target;
    this.#retry?.cancel();
    this.#retry = undefined;
    const idleFirst = this.#staying().sort((a, b) => a.inFlight - b.inFlight);
    for (const slot of idleFirst.slice(0, Math.max(0, idleFirst.length - target))) this.#leave(slot);
    while (this.#staying().length + this.#starting < this.#target) this.#startAgain();
  }

  /** The slot's run has ended. */
  settled(slot: Slot): void {
    slot.inFlight--;
    if (slot.isLeaving && slot.inFlight === 0) this.#release(slot);
  }

  /** Releases every session, after what runs in it. */
  async close(): Promise<void> {
    this.scaleTo(0);
    while (this.#closing.size > 0 || this.#starting > 0 || this.#slots.size > 0) {
      await new Promise<void>((resolve) => (this.#whenGone = resolve));
    }
  }

  #staying(): Slot[] {
    return [...this.#slots].filter(({ isLeaving }) => !isLeaving);
  }

  #leave(slot: Slot): void {
    slot.isLeaving = true;
    if (slot.inFlight === 0) this.#release(slot);
  }

  #release(slot: Slot): void {
    this.#slots.delete(slot);
    const closed = slot.runner.close().finally(() => {
      this.#closing.delete(closed);
      this.#whenGone?.();
    });
    this.#closing.add(closed);
  }

  async #startOne(): Promise<void> {
    this.#starting++;
    let slot: Slot | undefined;
    let ended: CoveyError | undefined;
    try {
      const runner = await this.#options.start((error) => {
        ended = error;
        if (slot) this.#replace(slot, error);
      });
      slot = { runner, inFlight: 0, expectedEndMs: 0, lastEndMs: 0, pass: undefined, isLeaving: false };
      this.#slots.add(slot);
    } finally {
      this.#starting--;
      this.#whenGone?.();
    }
    if (ended) this.#replace(slot, ended);
    else if (this.#staying().length > this.#target) this.#leave(slot);
    else this.#options.onReady();
  }

  #startAgain(): void {
    this.#startOne().catch((cause: unknown) => {
      const error = toCoveyError(cause);
      this.#options.log.write('error', `the model cannot be loaded again: ${error.message}`);
      if (this.#slots.size === 0) this.#options.onUnavailable(error);
      this.#retry ??= this.#options.clock.setTimer(restartDelayMs, () => this.scaleTo(this.#target));
    });
  }

  #replace(slot: Slot, error: CoveyError): void {
    if (!this.#slots.delete(slot)) return;
    this.#options.log.write('error', error.message, { underWay: slot.inFlight });
    this.#whenGone?.();
    this.scaleTo(this.#target);
  }
}
