import type { Clock, Timer } from '@covey/ports';

/** One timer for many times: rings at the earliest that was asked for. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: Timer | undefined;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings at `atMs` of the monotonic clock, unless it rings before. */
  ringAt(atMs: number): void {
    if (atMs >= this.#atMs) return;
    this.cancel();
    this.#atMs = atMs;
    this.#timer = this.#clock.setTimer(Math.max(0, atMs - this.#clock.monotonicMs()), () => {
      this.#atMs = Number.POSITIVE_INFINITY;
      this.#timer = undefined;
      this.#ring();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#atMs = Number.POSITIVE_INFINITY;
  }
}
