import { CoveyError, type Placement, toCoveyError } from '@covey/protocol';
import type { Vector } from './golden.ts';
import { race } from './race.ts';
import type { Check, OpenTrial, Trial, TrialSpec } from './trial.ts';

/** One way to run a version, and what is known of it. */
export interface Entry {
  variant: string;
  spec: TrialSpec;
  /** Null until it has been checked. */
  check: Check | null;
  /** Excludes it. */
  failure: CoveyError | null;
  /** Latencies by round, of each heat it was in: those of one heat belong together. */
  heats: Map<number, number[]>;
  /** Where its nodes ran; absent where that is the CPU alone. */
  placement?: Placement[];
}

/** When it began, by performance.now(), and how long it may take. */
export interface Time {
  startedMs: number;
  limitMs: number;
}

/** Where candidates are tried. */
export interface Ground {
  openTrial: OpenTrial;
  /** Whether one more may be loaded beside `loaded` others. */
  hasRoom(path: string, loaded: number): Promise<boolean>;
}

/** A turn is several runs where a run is short: a clock's step and cold caches shall not decide. */
const turnMs = 6;
const mostRunsPerTurn = 50;
/** Of the time, what the CPU's entries may take where another provider's wait. */
const cpuShare = 0.6;
/** Of a heat's time, what loading and checking may take: the rest is for the race. */
const checkShare = 0.6;
/** For a provider that might crash or never end, while nothing else is right. */
const lastResortMs = 60_000;
/** Another provider takes memory and power of its own besides the CPU's. */
const otherProviderCost = 1_000;

/**
 * Checks and times the entries and returns the one to choose, null when none is right. The CPU's race first, as many at a time
 * as fit in memory; the entries of other providers, each in a process of its own, then run against the best so far, one
 * after the other. What is right but was never timed loses to what was.
 */
export async function compete(
  entries: readonly Entry[],
  vectors: readonly Vector[],
  time: Time,
  ground: Ground,
): Promise<Entry | null> {
  const competition = new Competition(vectors, time, ground);
  const others = entries.filter(({ spec }) => spec.provider !== 'cpu');
  const cpu = entries.filter(({ spec }) => spec.provider === 'cpu');
  return competition.run(cpu, others);
}

class Competition {
  readonly #vectors: readonly Vector[];
  readonly #limitMs: number;
  readonly #startedMs: number;
  readonly #ground: Ground;
  readonly #open = new Map<Entry, Trial>();
  #best: Entry | null = null;
  #heat = 0;

  constructor(vectors: readonly Vector[], { startedMs, limitMs }: Time, ground: Ground) {
    this.#ground = ground;
    this.#vectors = vectors;
    this.#startedMs = startedMs;
    this.#limitMs = limitMs;
  }

  async run(cpu: readonly Entry[], others: readonly Entry[]): Promise<Entry | null> {
    const waiting = [...cpu];
    const cpuMs = this.#limitMs * (others.length > 0 ? cpuShare : 1);
    while (waiting.length > 0) await this.#raceOf(await this.#checkSome(waiting, cpuMs), cpuMs);
    for (const [index, entry] of others.entries()) {
      const shareMs = (this.#limitMs - this.#elapsedMs()) / (others.length - index);
      await this.#tryOther(entry, this.#elapsedMs() + Math.max(0, shareMs));
    }
    for (const entry of this.#open.keys()) await this.#close(entry);
    return this.#best;
  }

  #elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** Loads and checks the next that fit in memory together, at least one. */
  async #checkSome(waiting: Entry[], untilMs: number): Promise<Entry[]> {
    const checked: Entry[] = [];
    for (let next = waiting[0]; next; next = waiting[0]) {
      const hasRoom = checked.length === 0 || (await this.#ground.hasRoom(next.spec.path, this.#open.size));
      if (!hasRoom) break;
      waiting.shift();
      const isLate = this.#elapsedMs() > untilMs * checkShare;
      const someAreRight = this.#best !== null || checked.length > 0;
      if (isLate && someAreRight) next.failure = this.#outOfTime();
      else if (await this.#check(next, this.#leftMs(untilMs))) checked.push(next);
    }
    return checked;
  }

  #outOfTime(): CoveyError {
    return new CoveyError('DEADLINE_EXCEEDED', `not tried: the ${this.#limitMs} ms for this model were over`);
  }

  /** While nothing is right, what may be is waited for. */
  #leftMs(untilMs: number): () => number {
    return () => Math.max(1, this.#best === null ? lastResortMs : untilMs - this.#elapsedMs());
  }

  async #check(entry: Entry, leftMs: () => number): Promise<boolean> {
    try {
      const trial = await this.#ground.openTrial(entry.spec, this.#vectors, leftMs);
      this.#open.set(entry, trial);
      entry.check = trial.check;
      return true;
    } catch (error) {
      entry.failure = toCoveyError(error, 'INFERENCE_FAILED');
      return false;
    }
  }

  async #tryOther(entry: Entry, untilMs: number): Promise<void> {
    if (this.#best !== null && this.#elapsedMs() >= untilMs) entry.failure = this.#outOfTime();
    else if (await this.#check(entry, this.#leftMs(untilMs))) await this.#raceOf([entry], untilMs);
  }

  /** The new ones against the best so far; only the winner stays loaded. */
  async #raceOf(entries: readonly Entry[], untilMs: number): Promise<void> {
    if (entries.length === 0) return;
    const heat = this.#heat++;
    const rivals = this.#best ? [this.#best, ...entries] : [...entries];
    if (this.#vectors.length > 0) {
      const contestants = rivals.map((entry) => ({
        cost: entry.spec.provider === 'cpu' ? entry.spec.threads : otherProviderCost,
        turn: (round: number) => this.#turn(entry, round),
      }));
      const limitMs = untilMs - this.#elapsedMs();
      const { finishes, best } = await race(contestants, { limitMs, nowMs: () => performance.now() });
      for (const [index, { latenciesMs, failure }] of finishes.entries()) {
        const entry = rivals[index];
        if (latenciesMs.length > 0) entry?.heats.set(heat, latenciesMs);
        if (entry && failure) entry.failure = failure;
      }
      this.#best = (best === null ? undefined : rivals[best]) ?? firstRight(rivals);
    } else {
      this.#best = firstRight(rivals);
    }
    for (const entry of rivals) if (entry !== this.#best) await this.#close(entry);
  }

  async #turn(entry: Entry, round: number): Promise<number> {
    const trial = this.#open.get(entry);
    if (!trial) throw new CoveyError('INTERNAL', `${entry.variant} is not loaded`);
    const runs = Math.ceil(turnMs / Math.max(entry.check?.latencyMs ?? turnMs, turnMs / mostRunsPerTurn));
    return trial.turn(round, runs);
  }

  async #close(entry: Entry): Promise<void> {
    const trial = this.#open.get(entry);
    this.#open.delete(entry);
    const placement = await trial?.close();
    if (placement) entry.placement = placement;
  }
}

/** Where the race could not tell: the one that ran fastest while it was checked, and before that the publisher's order. */
function firstRight(entries: readonly Entry[]): Entry | null {
  const right = entries.filter(({ failure }) => failure === null);
  const latency = ({ check }: Entry) => check?.latencyMs ?? 0;
  return right.sort((a, b) => latency(a) - latency(b))[0] ?? null;
}
