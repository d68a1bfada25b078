import { CoveyError } from '@covey/protocol';
import type { Budget } from '../compare/index.ts';
import type { Model } from '../model/index.ts';
import { choicesOf, payingNodes } from './choices.ts';
import { type Group, groupsOf } from './groups.ts';
import type { Quantizer, Scheme } from './scheme.ts';
import { type GroupHarm, rankGroups } from './sensitivity.ts';
import { leastKept, putBack } from './smallest.ts';
import type { Trial, Trials } from './trials.ts';

/** What a search within one scheme came to. */
export interface Attempt {
  scheme: Scheme;
  quantizer: Quantizer;
  groups: readonly Group[];
  /** With nothing in fp32. */
  whole: Trial;
  /** Empty where nobody had to ask. */
  ranking: readonly GroupHarm[];
  /** Variants within the budget, the smallest first. */
  within: readonly Trial[];
}

/** What is asked of an attempt. */
export interface Asked {
  model: Model;
  budget: Budget;
  /** Of the fp32 model. */
  sizeBytes: number;
  /** Whether speed counts too. */
  isTimed: boolean;
}

/** With less of the weights in fp32 no other scheme is asked: to calibrate anew costs more than it could gain. */
const keptShareMax = 0.5;

/** What a part of the file's size is worth, in the same parts of the time: where speed counts too, and where it does not. */
const sizeWeights = { timed: [10, 1, 0], untimed: [1e4] };

/**
 * Variants within the budget: of the first scheme where little has to stay in fp32, else of it or of the scheme which uses
 * least of the budget, whichever has the smaller one.
 */
export async function attemptSchemes(
  trials: Trials,
  schemes: readonly Scheme[],
  asked: Asked,
): Promise<Attempt> {
  const [scheme, ...others] = schemes;
  if (scheme === undefined) throw new CoveyError('INVALID_ARGUMENT', 'the search needs at least one scheme');
  const first = await attempt(trials, scheme, asked);
  const [smallest] = first.within;
  if (smallest !== undefined && keptShare(first.groups, smallest) <= keptShareMax) return first;
  const closest = await closestScheme(trials, others, first.whole);
  if (closest === undefined) return first;
  const second = await attempt(trials, closest, asked);
  return smallestSize(second) < smallestSize(first) ? second : first;
}

/**
 * Trades what nodes save on integers, in bytes and in time, against the harm they do, at several rates; and lets the
 * smallest variant that comes of it take back what it can.
 */
async function attempt(trials: Trials, scheme: Scheme, asked: Asked): Promise<Attempt> {
  const quantizer = await trials.quantizer(scheme);
  const groups = groupsOf(asked.model, quantizer.nodes);
  const whole = await trials.trial(quantizer, new Set());
  const about = { scheme, quantizer, groups, whole };
  const byteValues = byteValuesOf(quantizer, asked);
  if (whole.within && !asked.isTimed) return { ...about, ranking: [], within: [whole] };
  const paying = groups.filter(isPaying(quantizer, byteValues));
  const ranking = whole.within ? [] : await rankGroups(trials, quantizer, paying, asked.budget);
  const within = new Set(whole.within ? [whole] : []);
  for (const byteValue of byteValues) {
    const choices = choicesOf({ costs: quantizer.costs, ranking, byteValue });
    for (const trial of await leastKept(trials, quantizer, choices)) within.add(trial);
  }
  const [smallest] = bySize(within);
  if (smallest === undefined) return { ...about, ranking, within: [] };
  // Not at the first rate, where a few bytes would be worth any time.
  const worthIt = ranking.filter(isPaying(quantizer, byteValues.slice(-2, -1)));
  for (const trial of await putBack(trials, quantizer, smallest, worthIt)) within.add(trial);
  return { ...about, ranking, within: bySize(within) };
}

/** What a byte is worth, in the unit of the costs, at each rate; where time is not known or does not count, there is but one. */
function byteValuesOf({ costs: { floatNs } }: Quantizer, { isTimed, sizeBytes }: Asked): number[] {
  if (floatNs === 0) return [1];
  const weights = isTimed ? sizeWeights.timed : sizeWeights.untimed;
  return weights.map((weight) => (weight * floatNs) / sizeBytes);
}

/** Only groups that pay at some rate need to be ranked: the others stay in fp32 whatever harm they do. */
function isPaying({ nodes, costs }: Quantizer, byteValues: readonly number[]): (group: Group) => boolean {
  const names = nodes.map(({ name }) => name);
  const paying = new Set(byteValues.flatMap((byteValue) => [...payingNodes(names, { costs, byteValue })]));
  return (group) => group.nodes.some((name) => paying.has(name));
}

function bySize(trials: Iterable<Trial>): Trial[] {
  return [...trials].sort((a, b) => sizeOf(a) - sizeOf(b));
}

function sizeOf(trial: Trial | undefined): number {
  return trial?.sizeBytes ?? Number.MAX_VALUE;
}

function smallestSize({ within }: Attempt): number {
  return sizeOf(within[0]);
}

/** The scheme that uses least of the budget with nothing in fp32; undefined where none uses less than `whole`. */
async function closestScheme(
  trials: Trials,
  schemes: readonly Scheme[],
  whole: Trial,
): Promise<Scheme | undefined> {
  let closest: { scheme: Scheme | undefined; use: number } = { scheme: undefined, use: whole.use };
  for (const scheme of schemes) {
    const { use, within } = await trials.trial(await trials.quantizer(scheme), new Set());
    if (use < closest.use) closest = { scheme, use };
    if (within) break;
  }
  return closest.scheme;
}

function keptShare(groups: readonly Group[], { kept }: Trial): number {
  const inFloat = new Set(kept);
  const countOf = (some: readonly Group[]) => some.reduce((sum, { weightCount }) => sum + weightCount, 0);
  return countOf(groups.filter(({ nodes }) => nodes.some((name) => inFloat.has(name)))) / countOf(groups);
}
