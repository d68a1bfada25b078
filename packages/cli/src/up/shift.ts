import { setTimeout as sleep } from 'node:timers/promises';
import type { Feeder } from './feeder.ts';
import type { Fleet } from './fleet.ts';
import { comparisonOf } from './story.ts';
import type { View } from './view.ts';

const askIntervalMs = 1_000;
const giveUpMs = 60_000;

/**
 * The sensor of the last device comes loose: its inputs move away from the reference summary in the bundle, which the
 * controller sees in summaries, without a single raw window leaving the device. Resolves with whether it was seen.
 */
export async function showShift(fleet: Fleet, feeders: Feeder[], view: View): Promise<boolean> {
  const device = fleet.devices.at(-1);
  const feeder = feeders.at(-1);
  if (!device || !feeder) return false;
  view.tell({ event: 'shift', device: device.id }, `\nthe vibration sensor of ${device.id} comes loose`);
  const fromMs = Date.now();
  feeder.setShifted(true);
  try {
    while (Date.now() - fromMs < giveUpMs) {
      await sleep(askIntervalMs);
      const comparison = await comparisonOf(fleet.client, device.id, fromMs);
      if (comparison?.finding !== 'shifted') continue;
      const statements = comparison.statements.map((text) => `  ${text}`).join('\n');
      view.tell(
        { event: 'shifted', device: device.id, statements: comparison.statements },
        `${statements}\n  seen in summaries alone: no window of vibration left the device`,
      );
      return true;
    }
    return false;
  } finally {
    feeder.setShifted(false);
  }
}
