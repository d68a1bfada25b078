import { type Budget, type Evaluation, errorLimits, withinBudget } from '../compare/index.ts';
import { type Group, mergeGroups } from './groups.ts';
import type { Quantizer } from './scheme.ts';
import type { Trials } from './trials.ts';

/** What quantizing one group alone does to the outputs. */
export interface GroupHarm extends Group {
  /** Part of the budget that it uses up alone, the user's metric apart. */
  use: number;
  /** The greatest relative error of an output; 0 where no output changes. */
  relativeError: number;
}

/** More groups than these are taken together with their neighbours: it bounds the time that a model of thousands of nodes takes. */
const groupsMax = 128;

/**
 * Groups from the most to the least harmful: by the part of the budget that they use up alone, then by relative error. A
 * group that cannot be run alone is the most harmful.
 */
export async function rankGroups(
  trials: Trials,
  quantizer: Quantizer,
  groups: readonly Group[],
  budget: Budget,
): Promise<GroupHarm[]> {
  const limits = errorLimits(budget);
  const merged = mergeGroups(groups, groupsMax);
  const harms: GroupHarm[] = [];
  for (const [index, group] of merged.entries()) {
    const part = { done: index + 1, total: merged.length };
    const evaluation = await trials.alone(quantizer, group, part);
    const use = limits === undefined ? 0 : useOf(evaluation, limits);
    harms.push({ ...group, use, relativeError: greatestError(evaluation) });
  }
  return harms.sort((a, b) => b.use - a.use || b.relativeError - a.relativeError);
}

/** Groups from that which harms least for what `savedBytes` says it saves: errors add as their squares do, bytes as they are. */
export function byHarmAndSize(
  ranking: readonly GroupHarm[],
  savedBytes: (group: GroupHarm) => number,
): GroupHarm[] {
  const price = (group: GroupHarm) => harmOf(group) / Math.max(1, savedBytes(group));
  return ranking.toSorted((a, b) => price(a) - price(b));
}

/** In squares, which add where the errors of groups are independent. */
export function harmOf({ use, relativeError }: GroupHarm): number {
  return (use || relativeError) ** 2;
}

function greatestError(evaluation: Evaluation | undefined): number {
  if (evaluation === undefined) return Number.MAX_VALUE;
  return Math.max(...Object.values(evaluation.outputs).map(({ relativeError }) => relativeError));
}

function useOf(evaluation: Evaluation | undefined, limits: Budget): number {
  return evaluation === undefined ? Number.MAX_VALUE : withinBudget(evaluation, limits).use;
}
