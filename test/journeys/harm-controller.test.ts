import { MetricsAnswer, SummariesAnswer } from '@covey/protocol/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isLong, until } from './harness.ts';
import { type Load, startLoad } from './load.ts';
import { publishScaling } from './scaling-model.ts';
import { ledgerReaches, ledgerState, type StandingFleet, startStandingFleet } from './standing-fleet.ts';

let fleet: StandingFleet;
let loads: Load[] = [];
const startedAt = Date.now();
/** Answers that were given in this file, whatever gave them. */
let answered = 0;

beforeAll(async () => {
  fleet = await startStandingFleet(2);
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) await publishScaling(fleet, version);
  await fleet.install('1.0.0');
});
afterAll(() => fleet.stop());

async function underLoad(journey: () => Promise<void>): Promise<void> {
  loads = fleet.devices.map(({ inferenceUrl }) => startLoad(inferenceUrl, 'scaling', { connections: 2 }));
  try {
    await journey();
  } finally {
    for (const load of loads) {
      const { answers, failures } = await load.stop();
      answered += Object.values(answers).reduce((sum, count) => sum + count, 0);
      expect(failures).toEqual({});
    }
  }
}

/** Every device answers this many requests more. */
async function answersMore(count: number): Promise<void> {
  const total = (load: Load) => Object.values(load.figures().answers).reduce((sum, more) => sum + more, 0);
  const wanted = loads.map((load) => total(load) + count);
  await until(`${count} more answers of each device`, async () =>
    loads.every((load, index) => total(load) >= (wanted[index] ?? 0)) ? true : undefined,
  );
}

/** The controller is away from here on; the returned function brings it back. */
async function takeAway(how: 'SIGKILL' | 'SIGSTOP'): Promise<() => Promise<void>> {
  if (how === 'SIGKILL') {
    await fleet.controller.kill('SIGKILL');
    return () => fleet.restartController();
  }
  fleet.controller.child.kill('SIGSTOP');
  return async () => void fleet.controller.child.kill('SIGCONT');
}

/** Nothing is missing and nothing counted twice: metrics and summaries have exactly the answers that were given. */
async function countedOnce(): Promise<void> {
  const window = { from: startedAt, to: startedAt + 3_600_000 };
  const counts = await until('metrics and summaries of every answer', async () => {
    const metrics = await fleet.client.call({
      method: 'GET',
      path: '/metrics',
      query: { model: 'scaling', ...window },
      answer: MetricsAnswer,
    });
    const summaries = await fleet.client.call({
      method: 'GET',
      path: '/summaries/scaling',
      query: window,
      answer: SummariesAnswer,
    });
    const requests = metrics.totals.reduce((sum, total) => sum + total.requests, 0);
    const inferences = summaries.versions.reduce((sum, version) => sum + version.answered, 0);
    return requests >= answered && inferences >= answered ? { requests, inferences } : undefined;
  });
  expect(counts).toEqual({ requests: answered, inferences: answered });
  await until('empty outboxes', async () => {
    const views = await Promise.all(fleet.devices.map((device) => device.view()));
    return views.every((view) => view.online && view.system?.outboxMessages === 0) ? true : undefined;
  });
}

describe.each(['SIGSTOP', 'SIGKILL'] as const)('%s of the controller', { timeout: 240_000 }, (how) => {
  // A controller that hangs is the harder case of the two: the short form has that alone.
  test.runIf(isLong || how === 'SIGSTOP')(
    'while devices serve: they serve on, and what they measured meanwhile is counted once',
    async () => {
      await underLoad(async () => {
        await answersMore(100);
        const bringBack = await takeAway(how);
        await answersMore(500);
        await bringBack();
        await answersMore(100);
      });
      await countedOnce();
    },
  );

  test('in the middle of a rollout: the device at work finishes, and the rollout goes on to its end', async () => {
    const version = how === 'SIGSTOP' ? '1.1.0' : '1.2.0';
    const [first, second] = fleet.devices;
    if (!first || !second) throw new Error('the fleet has two devices');
    await underLoad(async () => {
      const { id } = await fleet.roll(version, { soak: { minSamples: 50 } });
      await ledgerReaches(first.folder, 'soaking');
      const bringBack = await takeAway(how);
      await ledgerReaches(first.folder, 'committed');
      await loads[0]?.answerOf(version);
      await answersMore(100);
      expect(ledgerState(second.folder)).toBe('committed');
      expect(loads[1]?.figures().answers[version]).toBeUndefined();
      await bringBack();
      const rollout = await fleet.settled(id);
      expect(rollout.state, JSON.stringify(rollout)).toBe('succeeded');
      expect(rollout.waves.flatMap(({ devices }) => devices.map(({ state }) => state))).toEqual([
        'proven',
        'proven',
      ]);
      await Promise.all(loads.map((load) => load.answerOf(version)));
    });
    await countedOnce();
  });
});
