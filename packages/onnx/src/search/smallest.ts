import type { Choice } from './choices.ts';
import type { Quantizer } from './scheme.ts';
import { byHarmAndSize, type GroupHarm } from './sensitivity.ts';
import type { Trial, Trials } from './trials.ts';

/** Groups that are tried again on integers once a set that keeps the budget is found. */
const returnsMax = 4;
/**
 * The choice that is tried first is expected to use so many times the budget at most: errors often cancel out, and a
 * failure is cheap. One that is expected to use more than `hopeless` times is not tried to improve on one that was found.
 */
const optimism = 2.5;
const hopeless = 3.5;

/**
 * Variants within the budget, of choices that each keep more than the one before. One keeps little: the first that is met
 * from one that is expected to use too much, in steps that grow, or one between it and what failed before it. It may be
 * within by chance, so there is also the first that is expected to be. To keep all of the scheme's nodes is no variant.
 */
export async function leastKept(
  trials: Trials,
  quantizer: Quantizer,
  choices: readonly Choice[],
): Promise<Trial[]> {
  const some = choices.filter(({ kept }) => kept.size < quantizer.nodes.length);
  const last = some.length - 1;
  const trialAt = (at: number) => trials.trial(quantizer, some[at]?.kept ?? new Set());
  if (last < 0) return [];
  const start = some.findIndex(({ use = 0 }) => use <= optimism);
  let failed = some.findLastIndex(({ use = 0 }) => use > hopeless);
  let place = start < 0 ? last : start;
  let found = await trialAt(place);
  for (let step = 1; !found.within && place < last; step *= Math.SQRT2) {
    failed = place;
    place = Math.min(place + Math.floor(step), last);
    found = await trialAt(place);
  }
  while (found.within && place - failed > 1) {
    const middle = Math.floor((failed + place) / 2);
    const trial = await trialAt(middle);
    if (trial.within) [place, found] = [middle, trial];
    else failed = middle;
  }
  const expected = some.findIndex(({ use = 0 }) => use <= 1);
  const safe = expected > place ? await trialAt(expected) : found;
  return [found, safe].filter(({ within }) => within);
}

/**
 * What follows from a variant within the budget as groups go back to integers, those first that harm least for what they
 * save: each within the budget as well.
 */
export async function putBack(
  trials: Trials,
  quantizer: Quantizer,
  start: Trial,
  ranking: readonly GroupHarm[],
): Promise<Trial[]> {
  const inFloat = new Set(start.kept);
  const savedBytes = (group: GroupHarm) =>
    group.nodes.reduce((sum, name) => sum + (quantizer.costs.savedBytes.get(name) ?? 0), 0);
  const candidates = byHarmAndSize(ranking, savedBytes).filter(
    (group) => savedBytes(group) > 0 && group.nodes.some((name) => inFloat.has(name)),
  );
  let best = start;
  const within: Trial[] = [];
  for (const group of candidates.slice(0, returnsMax)) {
    const back = new Set(group.nodes);
    const trial = await trials.trial(quantizer, new Set(best.kept.filter((name) => !back.has(name))));
    if (!trial.within) continue;
    best = trial;
    within.push(trial);
  }
  return within;
}
