import type { Group } from './groups.ts';
import type { Quantizer } from './scheme.ts';
import { byHarmAndWeight, type GroupHarm } from './sensitivity.ts';
import type { Trial, Trials } from './trials.ts';

/** Groups that are tried again on integers once a set that keeps the budget is found. */
const returnsMax = 12;

/**
 * Leaves groups in fp32, first those that harm most for what they weigh: of such variants the one within the budget that
 * keeps the fewest, with what it can put back. Undefined: only fp32 itself is within.
 */
export async function leaveOut(
  trials: Trials,
  quantizer: Quantizer,
  ranking: readonly GroupHarm[],
  groups: readonly Group[],
): Promise<Trial | undefined> {
  const worst = byHarmAndWeight(ranking);
  const first = await fewestKept(worst.length, (count) =>
    trials.trial(quantizer, namesOf(worst.slice(0, count))),
  );
  if (first === undefined) return undefined;
  return (await putBack(trials, quantizer, first, groups)).at(-1);
}

/** A variant within the budget, and those that follow as groups go back to integers, the heaviest first, each inside as well. */
export async function putBack(
  trials: Trials,
  quantizer: Quantizer,
  start: Trial,
  groups: readonly Group[],
): Promise<Trial[]> {
  const inFloat = new Set(start.kept);
  const heaviest = groups
    .filter(({ nodes }) => nodes.some((name) => inFloat.has(name)))
    .sort((a, b) => b.weightCount - a.weightCount);
  let best = start;
  const within = [start];
  for (const group of heaviest.slice(0, returnsMax)) {
    const back = new Set(group.nodes);
    const trial = await trials.trial(quantizer, new Set(best.kept.filter((name) => !back.has(name))));
    if (!trial.within) continue;
    best = trial;
    within.push(trial);
  }
  return within;
}

/**
 * The trial within the budget of the smallest count, as far as fewer kept never help: doubling from 1, then halving
 * the gap. To keep all `total` is no variant.
 */
async function fewestKept(
  total: number,
  trialOf: (count: number) => Promise<Trial>,
): Promise<Trial | undefined> {
  let below = 0;
  let best: { count: number; trial: Trial } | undefined;
  for (let count = 1; best === undefined && below < total - 1; count = Math.min(count * 2, total - 1)) {
    const trial = await trialOf(count);
    if (trial.within) best = { count, trial };
    else below = count;
  }
  while (best !== undefined && best.count - below > 1) {
    const count = Math.floor((below + best.count) / 2);
    const trial = await trialOf(count);
    if (trial.within) best = { count, trial };
    else below = count;
  }
  return best?.trial;
}

function namesOf(groups: readonly Group[]): Set<string> {
  return new Set(groups.flatMap(({ nodes }) => nodes));
}
