import { CoveyError } from '@covey/protocol';
import { RolloutView, type WaveSize } from '@covey/protocol/api';
import type { Client } from '../client/client.ts';
import { follow } from '../client/follow.ts';
import { exitCodes } from '../terminal/exit-codes.ts';

/**
 * `1,50%`: one device, then half of all, then the rest. Errors: INVALID_ARGUMENT (no sizes, or shares that leave no device
 * for a wave that is named).
 */
export function parseWaves(text: string): WaveSize[] {
  const sizes = text.split(',').map((part) => {
    const match = /^([1-9]\d{0,6})(%?)$/.exec(part.trim());
    const size = Number(match?.[1]);
    if (!match || (match[2] === '%' && size > 100)) {
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `"${part}" is no wave size; give counts or percentages such as 1,10%,50%`,
      );
    }
    return match[2] === '%' ? { percent: size } : { count: size };
  });
  requireDevicesForEach(sizes, text);
  return sizes;
}

/** Each share is of all devices: whoever gives the sums instead, as in 50%,100%, would get other waves than were meant. */
function requireDevicesForEach(sizes: readonly WaveSize[], text: string): void {
  let percents = 0;
  for (const size of sizes) {
    const isTooMuch = percents >= 100;
    percents += 'percent' in size ? size.percent : 0;
    if (isTooMuch || percents > 100)
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `"${text}" moves more than all devices: each wave is a part of all of them, such as 1,10%,50%, and the rest is one last wave`,
      );
  }
}

/** A rollout has ended, or waits for somebody to decide. */
export function isSettled(rollout: RolloutView): boolean {
  return rollout.state === 'succeeded' || rollout.state === 'reverted' || rollout.state === 'paused';
}

export function exitCodeOf(rollout: RolloutView): number {
  if (rollout.state === 'succeeded') return exitCodes.ok;
  return rollout.state === 'reverted' ? exitCodes.reverted : exitCodes.inconclusive;
}

/** Follows a rollout until it has ended or is paused, telling each change in a line. */
export function waitForRollout(
  client: Client,
  id: string,
  onChange: (line: string, rollout?: RolloutView) => void,
): Promise<RolloutView> {
  const path = `/rollouts/${encodeURIComponent(id)}`;
  const look = () => client.call({ method: 'GET', path, answer: RolloutView });
  return follow(client, { look, summarize, isOver: isSettled, onLine: onChange });
}

function summarize(rollout: RolloutView): string {
  const wave = rollout.waves[rollout.wave];
  const what = `${rollout.plan.model}@${rollout.plan.version} ${rollout.state}`;
  if (!wave) return what;
  const devices = wave.devices.map(memberText).join(', ');
  return `${what}, wave ${rollout.wave + 1} of ${rollout.waves.length}: ${devices}`;
}

/** Why a device waits; why one failed is long, and told at the end. */
function memberText({ device, state, reason }: RolloutView['waves'][number]['devices'][number]): string {
  return reason === null || state === 'failed' ? `${device} ${state}` : `${device} ${state} (${reason})`;
}
