import { trimmedInterval } from './interval.ts';

/** Candidates this close are equally fast: 2 %. */
const indifference = Math.log(1.02);
/** A cheaper candidate goes before one that is this much faster at most: 1 %. */
const preference = Math.log(1.01);
/** Rounds after which the race is judged: each look costs certainty, so they grow by a half. */
export const looks = [4, 6, 9, 13, 20, 30, 45, 68, 100, 150, 225, 338, 500];
export const mostRounds = looks.at(-1) ?? 0;
/** Probability that any of the verdicts of a race is wrong. */
const risk = 0.05;

export interface Runner {
  /** One number a round; the same rounds for all. */
  latenciesMs: readonly number[];
  /** What it takes from the device besides time: of equally fast ones the least goes first. */
  cost: number;
}

export interface Judgement {
  /** Index of the one to choose, as far as is known. */
  best: number;
  /** Indices of those that are slower than another beyond doubt. */
  slower: number[];
  /** Whether more rounds could change nothing: nobody left can be faster by more than `indifference`. */
  isDecided: boolean;
}

/**
 * Who is ahead after some rounds of a race. What is compared are ratios of latencies of the same round, because what
 * disturbed a round disturbed all of it; a candidate falls out when the interval of its ratio to the leader lies above one.
 * The probability of an error is shared out evenly (Bonferroni) over all looks and over the others of `entrants`, the number
 * that began the race. At least one runner is left, and has a latency.
 */
export function judge(runners: readonly Runner[], entrants: number): Judgement {
  const logs = runners.map(({ latenciesMs }) => latenciesMs.map(Math.log));
  const tail = risk / (looks.length * Math.max(1, entrants - 1));
  const means = logs.map((values) => trimmedInterval(values, tail).mean);
  const leader = means.indexOf(Math.min(...means));
  const toLeader = logs.map((values) =>
    trimmedInterval(
      values.map((value, round) => value - (logs[leader]?.[round] ?? Number.NaN)),
      tail,
    ),
  );
  const isOther = (index: number) => index !== leader;
  const slower = toLeader.flatMap(({ low }, index) => (isOther(index) && low > 0 ? [index] : []));
  const isDecided = toLeader.every(({ low }, index) => !isOther(index) || low >= -indifference);
  const cost = (index: number) => runners[index]?.cost ?? Number.POSITIVE_INFINITY;
  const best = toLeader
    .flatMap(({ mean, high }, index) =>
      !isOther(index) || (mean <= preference && high <= indifference) ? [index] : [],
    )
    .reduce((cheapest, index) => (cost(index) < cost(cheapest) ? index : cheapest), leader);
  return { best, slower: slower.filter((index) => index !== best), isDecided };
}
