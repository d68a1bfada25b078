import { type CoveyError, toCoveyError } from '@covey/protocol';
import { judge, looks, mostRounds } from './judge.ts';

export interface Contestant {
  /** What it takes from the device besides time: see Runner. */
  cost: number;
  /** Milliseconds of one inference, over one turn. Rejects when it cannot run any more. */
  turn(round: number): Promise<number>;
}

/** What came of a contestant. */
export interface Finish {
  /** By round; ends where it fell out. */
  latenciesMs: number[];
  failure: CoveyError | null;
}

export interface RaceResult {
  finishes: Finish[];
  /** Index of the one to choose; null when those that were left failed, or had no whole round in time. */
  best: number | null;
}

/**
 * Lets the contestants run round by round until nobody can be faster than the best by more than 2 %, or `limitMs` are over;
 * who is slower beyond doubt falls out at once. `nowMs` never goes back.
 */
export async function race(
  contestants: readonly Contestant[],
  { limitMs, nowMs }: { limitMs: number; nowMs: () => number },
): Promise<RaceResult> {
  const untilMs = nowMs() + limitMs;
  const entrants = contestants.map(({ cost, turn }) => ({
    cost,
    turn,
    latenciesMs: [] as number[],
    failure: null as CoveyError | null,
  }));
  let running = entrants;
  let best: Entrant | undefined;
  for (let round = 0; round < mostRounds; round++) {
    const turns = await turnsOf(running, round, () => nowMs() < untilMs);
    running = running.filter(({ failure }) => failure === null);
    const isWhole = running.every((entrant) => turns.has(entrant));
    if (isWhole) for (const entrant of running) entrant.latenciesMs.push(turns.get(entrant) ?? Number.NaN);
    const isOver = !isWhole || nowMs() >= untilMs || round + 1 === mostRounds;
    if (!isOver && !looks.includes(round + 1)) continue;
    if (!running.some(({ latenciesMs }) => latenciesMs.length > 0)) {
      best = undefined;
      break;
    }
    const judgement = judge(running, entrants.length);
    best = running[judgement.best];
    running = running.filter((_, index) => !judgement.slower.includes(index));
    if (isOver || judgement.isDecided) break;
  }
  return {
    finishes: entrants.map(({ latenciesMs, failure }) => ({ latenciesMs, failure })),
    best: best ? entrants.indexOf(best) : null,
  };
}

type Entrant = Contestant & Finish;

/**
 * One turn of each; the order turns and reverses from round to round, because a run finds the caches as the one before left
 * them. Who fails is marked, and has none; neither have those whose turn did not come in time.
 */
async function turnsOf(
  running: readonly Entrant[],
  round: number,
  hasTime: () => boolean,
): Promise<Map<Entrant, number>> {
  const shift = round >> 1;
  const order = running.map((_, place) => running[(place + shift) % running.length]);
  const turns = new Map<Entrant, number>();
  for (const entrant of round % 2 === 0 ? order : order.reverse()) {
    if (!entrant || !hasTime()) break;
    try {
      turns.set(entrant, await entrant.turn(round));
    } catch (error) {
      entrant.failure = toCoveyError(error, 'INFERENCE_FAILED');
    }
  }
  return turns;
}
