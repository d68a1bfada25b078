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
  const who = firsts === 0 ? 'each device' : 'each other device';
  const proof = `${who} proves it on ${soak.minSamples} live requests, within ${longest}; without requests it stays unproven`;
  if (firsts === 0) return proof;
  const isAll = firsts === devices.length;
  const where = isAll ? '' : `on ${firsts} of ${devices.length} devices `;
  const first = `it is the first version ${where}and has none before it to be compared with: ${firstSoakText(rollout)}`;
  return isAll ? first : `${first}; ${proof}`;
}

/** Waves follow one another, and the first version on a device ends its soak only with the time. */
function firstSoakText({ plan, waves }: Begun): string {
  const count = waves.filter(({ devices }) => devices.some(isFirst)).length;
  const time = formatDuration(plan.soak.maxDurationMs);
  return `it soaks for ${count === 1 ? time : `${time} in each of ${count} waves`}, and counts as success, unproven`;
}

function isFirst({ previous }: Begun['waves'][number]['devices'][number]): boolean {
  return previous === null;
}
