import { CoveyError } from '@covey/protocol';
import type { Budget } from '../compare/index.ts';
import type { Model } from '../model/index.ts';
import { type Group, groupsOf } from './groups.ts';
import type { Quantizer, Scheme } from './scheme.ts';
import { type GroupHarm, rankGroups } from './sensitivity.ts';
import { leaveOut } from './smallest.ts';
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
  /** The smallest variant within the budget. */
  smallest: Trial | undefined;
}

/** With less of the weights in fp32 no other scheme is asked: to calibrate anew costs more than it could gain. */
const keptShareMax = 0.5;

/**
 * The smallest variant within the budget: of the first scheme where little has to stay in fp32, else the smaller of its
 * variant and that of the scheme which uses least of the budget.
 */
export async function attemptSchemes(
  trials: Trials,
  model: Model,
  schemes: readonly Scheme[],
  budget: Budget,
): Promise<Attempt> {
  const [scheme, ...others] = schemes;
  if (scheme === undefined) throw new CoveyError('INVALID_ARGUMENT', 'the search needs at least one scheme');
  const first = await attempt(trials, model, scheme, budget);
  if (first.smallest !== undefined && keptShare(first.groups, first.smallest) <= keptShareMax) return first;
  const closest = await closestScheme(trials, others, first.whole);
  if (closest === undefined) return first;
  const second = await attempt(trials, model, closest, budget);
  return sizeOf(second) < sizeOf(first) ? second : first;
}

async function attempt(trials: Trials, model: Model, scheme: Scheme, budget: Budget): Promise<Attempt> {
  const quantizer = await trials.quantizer(scheme);
  const groups = groupsOf(model, quantizer.nodes);
  const whole = await trials.trial(quantizer, new Set());
  const about = { scheme, quantizer, groups, whole };
  if (whole.within) return { ...about, ranking: [], smallest: whole };
  const ranking = await rankGroups(trials, quantizer, groups, budget);
  return { ...about, ranking, smallest: await leaveOut(trials, quantizer, ranking, groups) };
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

function sizeOf({ smallest }: Attempt): number {
  return smallest?.sizeBytes ?? Number.MAX_VALUE;
}
