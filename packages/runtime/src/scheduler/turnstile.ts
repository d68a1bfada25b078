import type { Clock, Timer } from '@covey/ports';
import { CoveyError } from '@covey/protocol';

/** One model's place at the turnstile. */
export interface Lane {
  /** Work waits and a thread is free: `start` is called now or when it is this lane's turn. */
  ask(): void;
  /** A run that `start` began has ended after `durationMs`; with `asks` the lane asks for its next turn. */
  done(pass: Pass, durationMs: number, asks: boolean): void;
  /** Whether another lane waits: then threads are not to be kept busy without asking. */
  readonly othersWait: boolean;
  leave(): void;
}

/** A run under way. */
export interface Pass {
  readonly startedMs: number;
  readonly expectedMs: number;
}

export interface LaneOptions {
  /** Threads that compute one run. */
  threads: number;
  /** Units of named resources that a run holds. */
  resources: Readonly<Record<string, number>>;
  /** Starts one run; false when there is nothing to start after all. */
  start(pass: Pass): boolean;
  /** Expected duration of the next run. */
  expectedMs(): number;
}

/** Where the models of a runtime wait for each other. */
export interface Turnstile {
  /** Errors: CONFLICT when a run holds more of a resource than the device has. */
  join(options: LaneOptions): Lane;
}

export interface TurnstileOptions {
  clock: Clock;
  /** Runs compute on so many cores at a time. */
  cores: number;
  /** Units of named resources; of what is not named here there is what the neediest model takes. */
  resources?: Readonly<Record<string, number>>;
}

/**
 * A run that takes so much longer than expected no longer counts among the busy cores: a model that hangs shall not keep
 * the others from running. What it holds of resources it keeps.
 */
const overdueFactor = 10;
const leastOverdueMs = 1_000;

/**
 * Fair shares of the cores, and bounded resources, over the models of a runtime: whoever has had the least computing time
 * goes first (start-time fair queueing over learnt durations, which is deficit round robin without rounds). A model that
 * waits for a resource is not overtaken on it by one that has had more.
 */
export function createTurnstile({ clock, cores, resources = {} }: TurnstileOptions): Turnstile {
  return new FairTurnstile(clock, cores, resources);
}

class FairTurnstile implements Turnstile {
  readonly #clock: Clock;
  readonly #cores: number;
  readonly #limits: Readonly<Record<string, number>>;
  #lanes: readonly FairLane[] = [];
  readonly #held = new Map<string, number>();
  #busyCores = 0;
  /** Time of the lane that started last: who comes new begins there, without credit for having been away. */
  #virtualMs = 0;
  #overdue: Timer | undefined;
  #isTurning = false;

  constructor(clock: Clock, cores: number, limits: Readonly<Record<string, number>>) {
    this.#clock = clock;
    this.#cores = cores;
    this.#limits = limits;
  }

  join(options: LaneOptions): Lane {
    for (const [name, units] of Object.entries(options.resources)) {
      const limit = this.#limits[name] ?? units;
      if (units <= limit) continue;
      const message = `a run holds ${units} units of ${name}, and the device has ${limit}`;
      throw new CoveyError('CONFLICT', message);
    }
    const lane = new FairLane(this, options, Math.min(this.#cores, options.threads));
    this.#lanes = [...this.#lanes, lane];
    return lane;
  }

  leave(lane: FairLane): void {
    this.#lanes = this.#lanes.filter((other) => other !== lane);
    this.#turn();
  }

  ask(lane: FairLane): void {
    if (!lane.isAsking) {
      lane.isAsking = true;
      // Who was away has no credit for it; who is busy keeps what it has had.
      if (lane.running.length === 0) lane.virtualMs = Math.max(lane.virtualMs, this.#virtualMs);
    }
    this.#turn();
  }

  done(lane: FairLane, pass: Pass, durationMs: number, asks: boolean): void {
    this.#forget(lane, pass);
    // What was charged was a guess.
    lane.virtualMs += durationMs - pass.expectedMs;
    this.#hold(lane, -1);
    // Before anybody's turn, or who has had least would always come too late.
    if (asks) lane.isAsking = true;
    this.#turn();
  }

  /** Whether a lane waits, but for `lane`. */
  othersWait(lane?: FairLane): boolean {
    for (const other of this.#lanes) if (other.isAsking && other !== lane) return true;
    return false;
  }

  /** Starts whatever may start. */
  #turn(): void {
    // A start may ask or end others at once: the loop below sees to them.
    if (this.#isTurning) return;
    this.#isTurning = true;
    try {
      for (let lane = this.#next(); lane !== undefined; lane = this.#next()) this.#start(lane);
    } finally {
      this.#isTurning = false;
    }
    this.#watchOverdue();
  }

  #start(lane: FairLane): void {
    lane.isAsking = false;
    const pass = { startedMs: this.#clock.monotonicMs(), expectedMs: lane.options.expectedMs() };
    this.#virtualMs = lane.virtualMs;
    lane.virtualMs += pass.expectedMs;
    lane.running.push(pass);
    this.#busyCores += lane.cores;
    this.#hold(lane, 1);
    if (lane.options.start(pass)) return;
    this.#forget(lane, pass);
    lane.virtualMs -= pass.expectedMs;
    this.#hold(lane, -1);
  }

  /** Of those that ask and may start, who has had least. */
  #next(): FairLane | undefined {
    if (!this.othersWait()) return undefined;
    const asking = this.#lanes.filter(({ isAsking }) => isAsking);
    if (asking.length > 1) asking.sort((a, b) => a.virtualMs - b.virtualMs);
    const awaited = new Set<string>();
    for (const lane of asking) {
      const hasCores = this.#busyCores === 0 || this.#busyCores + lane.cores <= this.#cores;
      if (hasCores && lane.needs.every(([name, units]) => !awaited.has(name) && this.#isFree(name, units)))
        return lane;
      for (const [name] of lane.needs) awaited.add(name);
    }
    return undefined;
  }

  #isFree(name: string, units: number): boolean {
    return (this.#held.get(name) ?? 0) + units <= this.#limitOf(name);
  }

  #limitOf(name: string): number {
    const limit = this.#limits[name];
    if (limit !== undefined) return limit;
    return Math.max(...this.#lanes.map(({ options }) => options.resources[name] ?? 0));
  }

  #hold({ needs }: FairLane, runs: 1 | -1): void {
    for (const [name, units] of needs) this.#held.set(name, (this.#held.get(name) ?? 0) + units * runs);
  }

  /** It no longer counts among the busy cores. */
  #forget({ running, cores }: FairLane, pass: Pass): void {
    const at = running.indexOf(pass);
    if (at < 0) return;
    running.splice(at, 1);
    this.#busyCores -= cores;
  }

  /** Only while somebody waits: then what has run for too long gives its cores back. */
  #watchOverdue(): void {
    if (this.#overdue || this.#busyCores === 0 || !this.othersWait()) return;
    const nowMs = this.#clock.monotonicMs();
    const nextMs = Math.min(...this.#lanes.flatMap(({ running }) => running.map(overdueAtMs)));
    this.#overdue = this.#clock.setTimer(Math.max(1, nextMs - nowMs), () => {
      this.#overdue = undefined;
      const atMs = this.#clock.monotonicMs();
      for (const lane of this.#lanes) {
        for (const pass of lane.running.filter((one) => overdueAtMs(one) <= atMs)) this.#forget(lane, pass);
      }
      this.#turn();
    });
  }
}

class FairLane implements Lane {
  readonly options: LaneOptions;
  readonly cores: number;
  /** Units of named resources that a run holds. */
  readonly needs: readonly (readonly [name: string, units: number])[];
  /** What counts among the busy cores. */
  readonly running: Pass[] = [];
  /** Computing time had so far, on a clock that all lanes share. */
  virtualMs = 0;
  isAsking = false;
  readonly #turnstile: FairTurnstile;

  constructor(turnstile: FairTurnstile, options: LaneOptions, cores: number) {
    this.#turnstile = turnstile;
    this.options = options;
    this.cores = cores;
    this.needs = Object.entries(options.resources);
  }

  get othersWait(): boolean {
    return this.#turnstile.othersWait(this);
  }

  ask(): void {
    this.#turnstile.ask(this);
  }

  done(pass: Pass, durationMs: number, asks: boolean): void {
    this.#turnstile.done(this, pass, durationMs, asks);
  }

  leave(): void {
    this.isAsking = false;
    this.#turnstile.leave(this);
  }
}

function overdueAtMs({ startedMs, expectedMs }: Pass): number {
  return startedMs + Math.max(leastOverdueMs, expectedMs * overdueFactor);
}
