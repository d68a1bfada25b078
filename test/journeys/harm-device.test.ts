import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EventsAnswer, RolloutView } from '@covey/protocol/api';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isLong, until } from './harness.ts';
import { startLoad } from './load.ts';
import { publishScaling } from './scaling-model.ts';
import {
  childrenOf,
  ledgerReaches,
  ledgerState,
  type StandingDevice,
  type StandingFleet,
  startStandingFleet,
} from './standing-fleet.ts';

let fleet: StandingFleet;
let device: StandingDevice;
/** What the device serves at the beginning of a test. */
let installed: string;
const runtimeModule = 'runtime/process.js';
const probeModule = 'runtime/probe.js';
/** Nothing but a soak that never has enough. */
const endlessSoak = { minSamples: 1_000_000, maxDurationMs: 60_000 };

beforeAll(async () => {
  fleet = await startStandingFleet(1);
  const [only] = fleet.devices;
  if (!only) throw new Error('the fleet has a device');
  device = only;
  await publishScaling(fleet, '1.0.0');
  await fleet.install('1.0.0');
});
afterAll(() => fleet.stop());
beforeEach(async () => {
  installed = (await device.view()).reported?.serving[0]?.version ?? 'nothing';
});

const runtimePid = () =>
  until('the runtime', async () => childrenOf(device.service.child.pid, runtimeModule)[0], 10_000);
async function probePid(): Promise<number> {
  for (;;) {
    const [pid] = childrenOf(device.service.child.pid, probeModule);
    if (pid !== undefined) return pid;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
const isGone = (pid: number) =>
  until(`the end of process ${pid}`, async () => {
    try {
      process.kill(pid, 0);
      return undefined;
    } catch {
      return true;
    }
  });
const memberOf = (rollout: RolloutView) => rollout.waves[0]?.devices[0];

describe('the agent is killed', () => {
  /** What an application may meet while the runtime, which ends with its agent, is away. */
  const whileAway = new Set(['ECONNREFUSED', 'ECONNRESET', 'socket hang up', '503 MODEL_UNAVAILABLE']);

  const states = [
    ['downloading', '2.0.0'],
    ['verifying', '2.0.1'],
    ['probing', '2.1.0'],
    ['activating', '2.2.0'],
    ['soaking', '2.3.0'],
    // Right after it was committed: nothing of what follows is done yet.
    ['committed', '2.4.0'],
  ] as const;
  // The simulator cuts the others short in every run, and a download is killed in the journey of deliveries.
  const short: readonly string[] = ['probing', 'activating', 'soaking'];
  test.each(states.filter(([state]) => isLong || short.includes(state)))(
    'in %s: it goes on after the restart, and meanwhile the last good version serves',
    async (state, version) => {
      await publishScaling(fleet, version, { ballastBytes: 256 * 1024 });
      const load = startLoad(device.inferenceUrl, 'scaling');
      // At this rate the download is not over before the kill.
      const delivery = state === 'downloading' ? { device: { bytesPerSecond: 128 * 1024 } } : {};
      const { id } = await fleet.roll(version, {
        soak: { minSamples: state === 'soaking' ? 200 : 20 },
        delivery,
      });
      // It is committed to the one before, too.
      if (state === 'committed') await ledgerReaches(device.folder, 'soaking');
      await ledgerReaches(device.folder, state);
      const runtime = await runtimePid();
      await device.service.kill('SIGKILL');
      expect(ledgerState(device.folder)).toBe(state);
      await isGone(runtime);
      const atDeath = load.figures().answers;
      await device.restart();
      const rollout = await fleet.settled(id);
      expect(rollout.state, JSON.stringify(rollout)).toBe('succeeded');
      await load.answerOf(version);
      const { answers, failures, longestGapMs } = await load.stop();
      expect(Object.keys(failures).filter((failure) => !whileAway.has(failure))).toEqual([]);
      expect(Object.keys(answers).sort()).toEqual([installed, version].sort());
      if (state === 'downloading') {
        expect(answers[installed]).toBeGreaterThan(atDeath[installed] ?? 0);
      }
      expect(longestGapMs).toBeLessThan(10_000);
    },
  );

  test('while an update waits for somebody on the device: it still does, and goes on when it may', async () => {
    await publishScaling(fleet, '2.5.0');
    const hold = { format: 'covey-hold/1', until: Date.now() + 3_600_000, reason: 'inventory' };
    writeFileSync(join(device.folder, 'hold.json'), JSON.stringify(hold));
    const load = startLoad(device.inferenceUrl, 'scaling');
    const { id } = await fleet.roll('2.5.0');
    await ledgerReaches(device.folder, 'deferred');
    await device.restart();
    expect(ledgerState(device.folder)).toBe('deferred');
    rmSync(join(device.folder, 'hold.json'));
    expect((await fleet.settled(id)).state).toBe('succeeded');
    await load.answerOf('2.5.0');
    await load.stop();
  });

  test('while a version is taken back: the one before serves after the restart, and the reason is kept', async () => {
    await publishScaling(fleet, '2.6.0', { oneRowOnly: true });
    const load = startLoad(device.inferenceUrl, 'scaling', { rows: 2 });
    const { id } = await fleet.roll('2.6.0');
    await ledgerReaches(device.folder, 'reverting');
    await device.service.kill('SIGKILL');
    expect(ledgerState(device.folder)).toBe('reverting');
    await device.restart();
    const rollout = await fleet.settled(id);
    expect(rollout.state, JSON.stringify(rollout)).toBe('reverted');
    expect(memberOf(rollout)?.reason).toMatch(/^2.6.0 failed on \d+ of \d+ requests/);
    await load.answerOf(installed);
    await load.stop();
    expect((await device.view()).reported?.serving[0]?.version).toBe(installed);
  });
});

describe('the runtime is killed', () => {
  test('while it serves: it is back within seconds, and the death is reported', async () => {
    const load = startLoad(device.inferenceUrl, 'scaling');
    await load.answerOf(installed);
    const deaths = (await device.view()).reported?.runtimeDeaths ?? 0;
    process.kill(await runtimePid(), 'SIGKILL');
    await load.answerOf(installed);
    await until('the report of the death', async () =>
      (await device.view()).reported?.runtimeDeaths === deaths + 1 ? true : undefined,
    );
    const { events } = await fleet.client.call({ method: 'GET', path: '/events', answer: EventsAnswer });
    expect(events.find(({ kind }) => kind === 'runtime-died')).toMatchObject({
      device: device.id,
      message: expect.stringContaining('SIGKILL'),
    });
    expect((await load.stop()).longestGapMs).toBeLessThan(5_000);
  });

  test('twice in a soak: the version before comes back, with the reason', async () => {
    await publishScaling(fleet, '3.0.0');
    const load = startLoad(device.inferenceUrl, 'scaling');
    const { id } = await fleet.roll('3.0.0', { soak: endlessSoak });
    for (let death = 0; death < 2; death++) {
      await load.answerOf('3.0.0');
      const pid = await runtimePid();
      process.kill(pid, 'SIGKILL');
      await isGone(pid);
    }
    const rollout = await fleet.settled(id);
    expect(rollout.state).toBe('reverted');
    expect(memberOf(rollout)?.reason).toContain('the runtime died 2 times');
    await load.answerOf(installed);
    await load.stop();
    expect((await device.view()).reported?.serving[0]?.version).toBe(installed);
  });
});

test('a version that fails on live inputs, but not on its golden vectors, is taken back in the soak', async () => {
  await publishScaling(fleet, '4.0.0', { oneRowOnly: true });
  const load = startLoad(device.inferenceUrl, 'scaling', { rows: 2 });
  await load.answerOf(installed);
  const { id } = await fleet.roll('4.0.0');
  const rollout = await fleet.settled(id);
  expect(rollout.state, JSON.stringify(rollout)).toBe('reverted');
  expect(memberOf(rollout)?.reason).toMatch(/^4.0.0 failed on \d+ of \d+ requests/);
  await load.answerOf(installed);
  const { answers, failures } = await load.stop();
  expect(Object.keys(answers)).toEqual([installed]);
  expect(Object.keys(failures)).toEqual(['500 INFERENCE_FAILED']);
});

describe('the probe', () => {
  test('is killed: the version never serves', async () => {
    await publishScaling(fleet, '5.0.0');
    const load = startLoad(device.inferenceUrl, 'scaling');
    const { id } = await fleet.roll('5.0.0');
    process.kill(await probePid(), 'SIGKILL');
    const rollout = await fleet.settled(id);
    expect(rollout.state).toBe('reverted');
    expect(memberOf(rollout)?.reason).toContain('the probe ended with SIGKILL and no verdict');
    const { answers, failures } = await load.stop();
    expect([Object.keys(answers), failures]).toEqual([[installed], {}]);
  });

  test('hangs: the device serves on, and an abort ends the probe', async () => {
    await publishScaling(fleet, '5.1.0');
    const load = startLoad(device.inferenceUrl, 'scaling');
    const { id } = await fleet.roll('5.1.0');
    const pid = await probePid();
    process.kill(pid, 'SIGSTOP');
    await load.answerOf(installed);
    expect(ledgerState(device.folder)).toBe('probing');
    await fleet.client.call({ method: 'POST', path: `/rollouts/${id}/abort`, answer: RolloutView });
    expect((await fleet.settled(id)).state).toBe('reverted');
    await isGone(pid);
    const { answers, failures } = await load.stop();
    expect([Object.keys(answers), failures]).toEqual([[installed], {}]);
  });
});
