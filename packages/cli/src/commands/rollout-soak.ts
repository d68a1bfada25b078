import { isSoftware } from '@covey/protocol';
import type { RolloutView } from '@covey/protocol/api';
import { formatDuration } from '../terminal/table.ts';

type Begun = Pick<RolloutView, 'plan' | 'waves'>;

/** By what devices prove the version of a rollout that has begun, and how long that takes. */
export function soakText(rollout: Begun): string {
  const { model, soak } = rollout.plan;
  const longest = formatDuration(soak.maxDurationMs);
  if (isSoftware(model)) return `each device proves it by reaching the controller, within ${longest}`;
  const devices = rollout.waves.flatMap((wave) => wave.devices);
  const firsts = devices.filter(isFirst).length;
  const proof = `each device proves it on ${soak.minSamples} live requests, within ${longest}`;
  if (firsts === 0) return `${proof}; without requests it stays unproven`;
  const where = firsts === devices.length ? '' : ` on ${firsts} of ${devices.length} devices`;
  return `${proof}; it is the first version${where}, so nothing is compared there: without requests it ${firstSoakText(rollout)}`;
}

/** Waves follow one another, and without requests the soak of a device ends only with its time. */
function firstSoakText({ plan, waves }: Begun): string {
  const count = waves.filter(({ devices }) => devices.some(isFirst)).length;
  const time = formatDuration(plan.soak.maxDurationMs);
  return `soaks for ${count === 1 ? time : `${time} in each of ${count} waves`}, and counts as success, unproven`;
}

function isFirst({ previous }: Begun['waves'][number]['devices'][number]): boolean {
  return previous === null;
}
