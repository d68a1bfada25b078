import { until } from '../journeys/harness.ts';
import { startLoad } from '../journeys/load.ts';
import { publishScaling } from '../journeys/scaling-model.ts';
import { childrenOf, startStandingFleet } from '../journeys/standing-fleet.ts';
import type { Figure, Result } from './figures.ts';
import { spreadOf } from './statistics.ts';

const deaths = 2;
/** The issue is settled when a process without a spare is back within this. */
const limitMs = { alone: 1_000, withSpare: 200 };
/** A supervisor trusts a process, and keeps a spare, after it has lived so long. */
const wellAfterMs = 61_000;

/** How long nobody is answered when a native fault kills the runtime under load, without and with a warm spare. */
export async function benchmarkContainment(): Promise<Result> {
  const [alone, withSpare] = await Promise.all([gaps([]), gaps(['--warm-spare'])]);
  const figures: Figure[] = [
    figureOf('no answer after SIGSEGV', alone, limitMs.alone),
    figureOf('no answer after SIGSEGV, warm spare', withSpare, limitMs.withSpare),
  ];
  return { benchmark: 'containment', figures };
}

function figureOf(name: string, gapsMs: number[], limit: number): Figure {
  const ratios = gapsMs.map((gapMs) => gapMs / limit);
  return {
    name,
    value: spreadOf(gapsMs),
    unit: 'ms',
    baseline: { name: `${limit} ms`, ratio: spreadOf(ratios), limit: 1 },
  };
}

/** Longest times without an answer around each death, milliseconds. */
async function gaps(agentOptions: string[]): Promise<number[]> {
  const fleet = await startStandingFleet(1, undefined, agentOptions);
  try {
    const [device] = fleet.devices;
    if (!device) throw new Error('the fleet has a device');
    await publishScaling(fleet, '1.0.0');
    await fleet.install('1.0.0');
    const found: number[] = [];
    for (let death = 0; death < deaths; death++) {
      await new Promise((resolve) => setTimeout(resolve, wellAfterMs));
      const load = startLoad(device.inferenceUrl, 'scaling');
      await load.answerOf('1.0.0');
      const pids = childrenOf(device.service.child.pid, 'runtime/src/process.ts');
      const serving = Math.min(...pids);
      process.kill(serving, 'SIGSEGV');
      await until(
        'the next process',
        async () =>
          childrenOf(device.service.child.pid, 'runtime/src/process.ts').some((pid) => pid !== serving) ||
          undefined,
      );
      await load.answerOf('1.0.0');
      found.push((await load.stop()).longestGapMs);
    }
    return found;
  } finally {
    await fleet.stop();
  }
}
