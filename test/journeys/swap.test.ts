import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceServing } from '@covey/protocol';
import { EventsAnswer } from '@covey/protocol/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { covey, temporaryFolder, until } from './harness.ts';
import { startLoad } from './load.ts';
import { publishScaling } from './scaling-model.ts';
import { type StandingFleet, startStandingFleet } from './standing-fleet.ts';

let fleet: StandingFleet;
const scratch = temporaryFolder();
const servingPath = join(scratch, 'serving.json');
const setServing = (serving: Omit<DeviceServing, 'format'>) =>
  writeFileSync(servingPath, JSON.stringify({ format: 'covey-device-serving/1', ...serving }));

beforeAll(async () => {
  setServing({});
  fleet = await startStandingFleet(1, undefined, ['--serving', servingPath]);
  await publishScaling(fleet, '1.0.0');
  await publishScaling(fleet, '1.1.0');
});
afterAll(async () => {
  await fleet.stop();
  rmSync(scratch, { recursive: true });
});

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

test('a job that asks again for what every device is to run already succeeds, and a program can tell', async () => {
  const start = ['rollout', 'start', 'scaling@1.0.0', '--data', fleet.data];
  const told = await covey(start);
  expect([told.code, told.stdout]).toEqual([
    0,
    expect.stringMatching(
      /succeeded\nnothing to do: 1 of 1 devices of all were to run scaling 1\.0\.0 already\n$/,
    ),
  ]);
  const { code, stdout } = await covey([...start, '--wait', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ begun: false, state: 'succeeded', waves: [] });
  expect((await covey([...start, '--dry-run'])).stdout).toContain('scaling@1.0.0 brings 0 B to 1 device');
  const listed = await covey(['rollout', 'status', '--data', fleet.data]);
  expect(listed.stdout).toMatch(/scaling@1\.0\.0 +succeeded +- +nothing to do/);
});

test('the settings of the device split requests, mirror them, and ask a bigger model: with the versions that it holds', async () => {
  const [device] = fleet.devices;
  if (!device) throw new Error('the fleet has a device');
  const elsewhere = { url: device.inferenceUrl, model: 'scaling', version: '1.1.0', timeoutMs: 5_000 };
  const budget = { callsPerHour: 1_000_000, bytesPerHour: 1_000_000_000 };
  const ask = async (version?: string, headers: Record<string, string> = {}) => {
    const at = version === undefined ? '' : `/versions/${version}`;
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] }];
    const response = await fetch(`${device.inferenceUrl}/v2/models/scaling${at}/infer`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ inputs }),
    });
    expect(response.status).toBe(200);
    const answer = (await response.json()) as { model_version: string; parameters?: object };
    return { version: answer.model_version, parameters: answer.parameters };
  };
  setServing({
    resources: { accelerator: 1 },
    routes: [
      {
        model: 'scaling',
        channels: { stable: '1.0.0', candidate: '1.1.0', gone: '0.1.0' },
        split: [{ version: '1.1.0', share: 0.25 }],
        shadow: { version: '1.1.0', share: 1 },
      },
    ],
  });
  await device.restart('SIGTERM');
  const serves = () =>
    until('both versions', async () => (await ask('1.1.0').catch(() => undefined)) && true);
  await serves();
  const split = await Promise.all(Array.from({ length: 40 }, () => ask()));
  expect(split.filter(({ version }) => version === '1.1.0').length).toBe(10);
  const keyed = await Promise.all(
    Array.from({ length: 8 }, () => ask(undefined, { 'x-covey-routing-key': 'line 3' })),
  );
  expect(new Set(keyed.map(({ version }) => version)).size).toBe(1);
  expect((await ask('candidate')).version).toBe('1.1.0');
  // A shadow rests, so that it takes as long as it takes to have seen enough.
  await until('news of the shadow', async () => {
    await ask();
    const query = { device: device.id };
    const asked = { method: 'GET', path: '/events', query, answer: EventsAnswer } as const;
    const { events } = await fleet.client.call(asked);
    return events.find(({ kind, message }) => kind === 'shadow' && message.includes('answers agree'));
  });

  // What it is never sure of is asked of a version that it can name, here of itself.
  const cascade = { ...elsewhere, ...budget, output: 'y', scores: 'logits' as const, certainty: 1 };
  setServing({ routes: [{ model: 'scaling', channels: { next: '1.1.0' }, cascade }] });
  await device.restart('SIGTERM');
  await serves();
  expect(await ask()).toMatchObject({
    version: '1.0.0',
    parameters: { answered_by: 'cloud', cloud_version: '1.1.0' },
  });
});

test('settings with a fault are told, and the agent does not start', async () => {
  const [device] = fleet.devices;
  if (!device) throw new Error('the fleet has a device');
  writeFileSync(servingPath, JSON.stringify({ format: 'covey-device-serving/1', route: [] }));
  const { code, stderr } = await covey(['agent', '--data', device.folder, '--serving', servingPath]);
  expect(code).toBe(1);
  expect(stderr).toContain(servingPath);
});
