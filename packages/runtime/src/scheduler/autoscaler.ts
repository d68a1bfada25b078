import type { Clock, Timer } from '@covey/ports';
import type { Pool } from './pool.ts';
import { type Load, lookEveryMs, noScaling, scale } from './scaling.ts';

export interface AutoscalerOptions {
  clock: Clock;
  pool: Pool;
  min: number;
  max: number;
  /** Unloaded after so long without a request; undefined: never. */
  idleUnloadMs: number | undefined;
  isMemoryShort: () => boolean;
  /** What the queue looks like. */
  look: () => Pick<Load, 'waitingMs' | 'runMs'>;
}

/** Decides over time how many sessions a model has; looks only while there is something to see. */
export class Autoscaler {
  readonly #options: AutoscalerOptions;
  #state = noScaling;
  #timer: Timer | undefined;
  #idle: Timer | undefined;
  #busyMs = 0;
  #lookedMs = 0;
  #lastUsedMs = 0;
  #isStopped = true;

  constructor(options: AutoscalerOptions) {
    this.#options = options;
  }

  /** From now on requests load what they need. */
  start(): void {
    this.#isStopped = false;
  }

  /** A request has come: what was unloaded is loaded. */
  used(nowMs: number): void {
    const { pool, min, max, idleUnloadMs } = this.#options;
    this.#lastUsedMs = nowMs;
    if (this.#isStopped) return;
    if (pool.target === 0) pool.scaleTo(min);
    if (max > min && this.#timer === undefined) {
      this.#lookedMs = nowMs;
      this.#busyMs = 0;
      this.#lookLater();
    }
    if (idleUnloadMs !== undefined && this.#idle === undefined) this.#unloadLater(idleUnloadMs);
  }

  ran(durationMs: number): void {
    this.#busyMs += durationMs;
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#idle?.cancel();
  }

  #lookLater(): void {
    this.#timer = this.#options.clock.setTimer(lookEveryMs, () => this.#look());
  }

  #look(): void {
    const { clock, pool, min, max, look, isMemoryShort } = this.#options;
    this.#timer = undefined;
    if (this.#isStopped || pool.target === 0) return;
    const nowMs = clock.monotonicMs();
    const current = pool.target;
    const busyShare = this.#busyMs / Math.max(1, (nowMs - this.#lookedMs) * current);
    this.#lookedMs = nowMs;
    this.#busyMs = 0;
    const load = { nowMs, current, busyShare, isMemoryShort: isMemoryShort(), ...look() };
    const { target, state } = scale(this.#state, load, { min, max });
    this.#state = state;
    if (target !== current) pool.scaleTo(target);
    const isQuiet = target === min && nowMs - this.#lastUsedMs > lookEveryMs;
    if (!isQuiet) this.#lookLater();
  }

  #unloadLater(delayMs: number): void {
    const { clock, pool, idleUnloadMs = 0, look } = this.#options;
    this.#idle = clock.setTimer(delayMs, () => {
      this.#idle = undefined;
      const idleMs = clock.monotonicMs() - this.#lastUsedMs;
      if (this.#isStopped) return;
      const isUsed = look().waitingMs > 0 || [...pool.slots].some(({ inFlight }) => inFlight > 0);
      if (isUsed || idleMs < idleUnloadMs) this.#unloadLater(Math.max(1, idleUnloadMs - idleMs));
      else pool.scaleTo(0);
    });
  }
}
