import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { topicOf } from '@covey/protocol';
import { EventsAnswer } from '@covey/protocol/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { covey, until } from './harness.ts';
import { auditEntries, closed, type Impostor, impostorOf } from './impostor.ts';
import { startLoad } from './load.ts';
import { publishScaling } from './scaling-model.ts';
import {
  createToken,
  enrolDevice,
  type StandingDevice,
  type StandingFleet,
  startStandingFleet,
} from './standing-fleet.ts';

let fleet: StandingFleet;
let device: StandingDevice;
let bundle: string;

beforeAll(async () => {
  fleet = await startStandingFleet(1);
  const [only] = fleet.devices;
  if (!only) throw new Error('the fleet has a device');
  device = only;
  bundle = `/bundles/${(await publishScaling(fleet, '1.0.0')).digest}`;
  await fleet.install('1.0.0');
});
afterAll(() => fleet.stop());

/** An audit entry of what this device was refused. */
const refusal = (of: string, action: string) =>
  until(`${action} of ${of} in the audit log`, async () =>
    (await auditEntries(fleet.client)).find(
      (entry) => entry.actor === `device:${of}` && entry.action === action,
    ),
  );

test("a device with a good certificate gets nothing of another device's topics", async () => {
  const curious = impostorOf(await enrolDevice(fleet, 'curious'));
  const client = await curious.mqtt();
  const heard: string[] = [];
  client.on('message', (topic) => heard.push(topic));
  for (const topic of [
    topicOf(device.id, 'desired'),
    topicOf(device.id, 'reported'),
    'covey/1/+/desired',
    '#',
  ]) {
    await expect(client.subscribeAsync(topic, { qos: 1 }), topic).rejects.toThrow();
  }
  expect(await refusal('curious', 'bus.subscribe')).toMatchObject({ subject: 'device:curious' });

  const before = (await device.view()).reported;
  await publishScaling(fleet, '1.1.0');
  const load = startLoad(device.inferenceUrl, 'scaling');
  const { id } = await fleet.roll('1.1.0', { selector: `id=${device.id}` });
  expect((await fleet.settled(id)).state).toBe('succeeded');
  await load.stop();
  // Its own desired state would come down this same connection before a receipt asked for now does.
  await client.subscribeAsync(topicOf('curious', 'receipt'), { qos: 1 });
  expect(heard.filter((topic) => !topic.startsWith('covey/1/curious/'))).toEqual([]);

  const ended = closed(client);
  client.publish(
    topicOf(device.id, 'reported'),
    JSON.stringify({ seq: 1, bootId: 'b', at: 1, reported: before }),
  );
  await ended;
  expect(await refusal('curious', 'bus.publish')).toMatchObject({
    detail: { detail: expect.stringContaining(topicOf(device.id, 'reported')) },
  });
  await expect(curious.mqtt({ clientId: device.id })).rejects.toThrow();
  expect(await refusal('curious', 'bus.client-id')).toMatchObject({ subject: 'device:curious' });
  expect((await device.view()).reported?.serving[0]?.version).toBe('1.1.0');
});

test('a device whose identity is damaged serves on without a controller, until it is enrolled again', async () => {
  await device.service.kill('SIGTERM');
  for (const copy of ['identity-a', 'identity-b'])
    writeFileSync(join(device.folder, 'identity', copy), 'damaged');
  await device.restart();
  const load = startLoad(device.inferenceUrl, 'scaling');
  await load.answerOf('1.1.0');
  const whileStarting = { ...load.figures().failures };
  expect(device.service.log()).toMatch(/"level":"error".*covey enroll --replace.*DATA_CORRUPT/);
  const doctor = await covey(['doctor', '--data', device.folder, '--json']);
  expect(JSON.parse(doctor.stdout).checks).toContainEqual(
    expect.objectContaining({ name: 'identity', status: 'failed', code: 'DATA_CORRUPT' }),
  );
  expect((await device.view()).online).toBe(false);
  expect((await load.stop()).failures).toEqual(whileStarting);

  expect((await covey(['device', 'reset', device.id, '--data', fleet.data])).code).toBe(0);
  const { token } = await createToken(fleet.client);
  const enroll = ['enroll', '--replace', '--id', device.id, '--data', device.folder];
  expect(await covey(enroll, { stdin: token })).toMatchObject({
    ...{ code: 1, stderr: expect.stringContaining('DATA_LOCKED') },
  });
  await device.service.kill('SIGTERM');
  expect((await covey(enroll, { stdin: token })).code).toBe(0);
  await device.restart();
  await until('the device to be back', async () => ((await device.view()).online ? true : undefined));
  await until('what it has to tell', async () => {
    const { events } = await fleet.client.call({ method: 'GET', path: '/events', answer: EventsAnswer });
    return events.find(({ kind }) => kind === 'identity-lost');
  });
  await publishScaling(fleet, '1.2.0');
  const loadAgain = startLoad(device.inferenceUrl, 'scaling');
  const { id } = await fleet.roll('1.2.0', { selector: `id=${device.id}` });
  expect((await fleet.settled(id)).state).toBe('succeeded');
  await loadAgain.stop();
});

test('a revoked device is refused everywhere and told so, and serves on', async () => {
  const load = startLoad(device.inferenceUrl, 'scaling');
  const stolen: Impostor = impostorOf(device.folder);
  expect((await stolen.get(bundle)).status).toBe(200);

  expect((await covey(['device', 'revoke', device.id, '--data', fleet.data])).code).toBe(0);
  await until('the device to be cut off', async () => ((await device.view()).online ? undefined : true));
  expect((await device.view()).revokedAt).not.toBeNull();
  const answer = await stolen.get(bundle);
  expect([answer.status, JSON.parse(Buffer.from(answer.body).toString()).code]).toEqual([
    403,
    'DEVICE_REVOKED',
  ]);
  await expect(stolen.mqtt()).rejects.toThrow(/not authorized/i);
  expect(await refusal(device.id, 'bus.revoked')).toMatchObject({ subject: `device:${device.id}` });
  const actions = (await auditEntries(fleet.client)).map(({ actor, action }) => `${actor} ${action}`);
  expect(actions).toContain('admin device.revoke');

  await load.answerOf('1.2.0');
  expect((await load.stop()).failures).toEqual({});
});
