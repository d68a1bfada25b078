import { afterAll, beforeAll, expect, test } from 'vitest';
import { covey, until } from './harness.ts';
import { startLoad } from './load.ts';
import { publishScaling } from './scaling-model.ts';
import { type StandingFleet, startStandingFleet } from './standing-fleet.ts';

let fleet: StandingFleet;
beforeAll(async () => {
  fleet = await startStandingFleet(1);
  await publishScaling(fleet, '1.0.0');
  await publishScaling(fleet, '1.1.0');
});
afterAll(() => fleet.stop());

test('no request fails while a device goes from one version to the next and back', async () => {
  const [device] = fleet.devices;
  if (!device) throw new Error('the fleet has a device');
  await fleet.install('1.0.0');
  const load = startLoad(device.inferenceUrl, 'scaling');
  await load.answerOf('1.0.0');
  const rollout = await fleet.roll('1.1.0');
  const moved = await fleet.settled(rollout.id);
  expect(moved.state, JSON.stringify(moved)).toBe('succeeded');
  expect(moved.waves[0]?.devices[0]).toMatchObject({ state: 'proven', previous: '1.0.0' });
  await load.answerOf('1.1.0');

  const rollback = await covey(['rollback', 'scaling', '--data', fleet.data, '--wait', '--json']);
  expect(rollback.code, rollback.stderr).toBe(0);
  await load.answerOf('1.0.0');
  const atReturn = load.figures().answers;
  await until('a hundred more answers', async () =>
    (load.figures().answers['1.0.0'] ?? 0) > (atReturn['1.0.0'] ?? 0) + 100 ? true : undefined,
  );
  const { answers, failures, longestGapMs } = await load.stop();
  expect(failures, device.service.log()).toEqual({});
  expect(Object.keys(answers).sort()).toEqual(['1.0.0', '1.1.0']);
  // After the rollback has been confirmed, nothing is answered by the version that was taken back.
  expect(answers['1.1.0']).toBe(atReturn['1.1.0']);
  expect(longestGapMs).toBeLessThan(1_000);
});
