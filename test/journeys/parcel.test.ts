import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RolloutView, WhyAnswer } from '@covey/protocol/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { covey, coveyJson, until } from './harness.ts';
import { onDevice } from './inference.ts';
import { publishScaling } from './scaling-model.ts';
import { type StandingFleet, startStandingFleet } from './standing-fleet.ts';

let fleet: StandingFleet;
beforeAll(async () => {
  fleet = await startStandingFleet(1);
  await publishScaling(fleet, '1.0.0');
  await fleet.install('1.0.0');
  await publishScaling(fleet, '2.0.0', { ballastBytes: 300_000 });
});
afterAll(() => fleet.stop());

test('a version comes on a stick while the controller is gone; it then knows, and the next rollout moves the device', {
  timeout: 240_000,
}, async () => {
  const [device] = fleet.devices;
  if (!device) throw new Error('the fleet has a device');
  const { folder, id, inferenceUrl } = device;
  const serves = (version: string) =>
    until(`${id} to serve ${version}`, async () => {
      const answer = await fetch(new URL(`/v2/models/scaling/versions/${version}`, inferenceUrl)).catch(
        () => undefined,
      );
      return answer?.ok ? true : undefined;
    });
  const infer = onDevice(inferenceUrl, 'scaling');
  const file = join(fleet.data, 'stick', 'scaling-2.0.0.parcel');
  const stick = join(fleet.data, 'stick/');
  const args = ['bundle', 'export', 'scaling@2.0.0', '--out', stick, '--data', fleet.data];
  const unmounted = await covey([...args, '--json']);
  expect([unmounted.code, unmounted.stdout]).toEqual([1, expect.stringContaining('NOT_FOUND')]);
  mkdirSync(stick);
  const exported = await coveyJson<{ ref: { number: number }; path: string; sizeBytes: number }>(args);
  expect(exported).toMatchObject({ ref: { number: 2 }, path: file });
  expect(exported.sizeBytes).toBeGreaterThan(300_000);
  await fleet.controller.kill('SIGTERM');

  const damaged = readFileSync(file);
  // Within the metadata, whose first date it is.
  damaged.write('9', damaged.indexOf('"expires":"') + '"expires":"'.length);
  for (const [other, code] of [
    [Buffer.from('no parcel'), 'WIRE_MALFORMED'],
    [damaged, 'DATA_CORRUPT'],
  ] as const) {
    writeFileSync(join(fleet.data, 'other'), other);
    const refused = await covey(['bundle', 'install', join(fleet.data, 'other'), '--data', folder, '--json']);
    expect(refused.stdout).toContain(code);
  }
  expect(readdirSync(join(folder, 'inbox'))).toEqual([]);
  await coveyJson(['bundle', 'install', file, '--data', folder]);
  await serves('2.0.0');
  await fleet.restartController();
  const why = await until(
    'the controller to know',
    async () => {
      // What it is asked meanwhile proves the version.
      await infer({ x: { shape: [1, 4], data: Float32Array.of(1, 2, 3, 4) } });
      const path = `/why/${id}/scaling`;
      const answer = await fleet.client.call({ method: 'GET', path, answer: WhyAnswer });
      return answer.wanted?.version === '2.0.0' &&
        answer.history.some(({ message }) => message.startsWith('parcel-done'))
        ? answer
        : undefined;
    },
    150_000,
  );
  expect(why.serving?.version).toBe('2.0.0');
  expect(why.statements).toContain(`It is to serve 2.0.0, set by operator on ${id} itself.`);
  expect(why.history.map(({ message }) => message).join('\n')).toContain(
    `device:${id}: installed 2.0.0 on itself`,
  );

  await publishScaling(fleet, '3.0.0');
  const body = {
    model: 'scaling',
    version: '3.0.0',
    gate: { unprovenCounts: true },
    soak: { minSamples: 1, maxDurationMs: 1_000 },
  };
  const { id: rollout } = await fleet.client.call({
    method: 'POST',
    path: '/rollouts',
    body,
    answer: RolloutView,
  });
  expect((await fleet.settled(rollout)).state).toBe('succeeded');
  await serves('3.0.0');
});
