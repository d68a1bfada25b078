import { once } from 'node:events';
import { topicOf } from '@covey/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from './harness.ts';
import { auditEntries, closed, impostorOf } from './impostor.ts';
import { enrolDevice, type StandingFleet, startStandingFleet } from './standing-fleet.ts';

let fleet: StandingFleet;

beforeAll(async () => {
  fleet = await startStandingFleet(1);
});
afterAll(() => fleet.stop());
/** Whatever one device sends, the other stays connected, and the controller is the same process. */
afterEach(async () => {
  expect((await fleet.devices[0]?.view())?.online).toBe(true);
  expect(fleet.controller.child.exitCode).toBeNull();
});

describe('MQTT', () => {
  const connectPacket = (id: string) =>
    Buffer.concat([
      Buffer.from([0x10, 12 + id.length, 0, 4]),
      Buffer.from('MQTT'),
      Buffer.from([4, 2, 0, 30, 0, id.length]),
      Buffer.from(id),
    ]);
  const refusal = (id: string, action: string) =>
    until(`${action} of ${id} in the audit log`, async () =>
      (await auditEntries(fleet.client)).find(
        (entry) => entry.actor === `device:${id}` && entry.action === action,
      ),
    );

  test.each<[string, string, Buffer]>([
    [
      'noise instead of a CONNECT',
      'mqtt-1',
      Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 97) % 251)),
    ],
    [
      'a packet that announces 200 MB',
      'mqtt-2',
      Buffer.concat([connectPacket('mqtt-2'), Buffer.from([0x30, 0x80, 0x80, 0x80, 0x60])]),
    ],
    ['a reserved packet', 'mqtt-3', Buffer.concat([connectPacket('mqtt-3'), Buffer.from([0xf0, 0])])],
  ])('%s ends that connection alone', async (_what, id, bytes) => {
    const socket = await impostorOf(await enrolDevice(fleet, id)).socket();
    const ended = once(socket, 'close');
    socket.write(bytes);
    await ended;
    await until('the refusal', async () =>
      (await auditEntries(fleet.client)).find(({ actor }) => actor === `device:${id}`),
    );
  });

  test('half a packet, and then nothing more', async () => {
    const socket = await impostorOf(await enrolDevice(fleet, 'mqtt-4')).socket();
    socket.end(connectPacket('mqtt-4').subarray(0, 9));
    await once(socket, 'close');
  });

  test('a publish of 30 MB', async () => {
    const client = await impostorOf(await enrolDevice(fleet, 'mqtt-5')).mqtt();
    const ended = closed(client);
    client.publish(topicOf('mqtt-5', 'event'), Buffer.alloc(30 * 1024 * 1024));
    await ended;
    await refusal('mqtt-5', 'bus.packet-size');
  });

  test.each([
    ['reported', Buffer.from('{"seq":')],
    ['birth', Buffer.from('[]')],
    ['metrics', Buffer.alloc(1_000, 7)],
    ['get', Buffer.from('['.repeat(10_000))],
  ] as const)('a %s message that is none is refused, and the connection stays', async (kind, payload) => {
    const id = `mqtt-${kind}`;
    const client = await impostorOf(await enrolDevice(fleet, id)).mqtt();
    await client.publishAsync(topicOf(id, kind), payload, { qos: 1 });
    expect(await refusal(id, 'message.refused')).toMatchObject({ detail: { kind } });
    await client.publishAsync(topicOf(id, 'get'), JSON.stringify({ generation: 0, bootId: 'b' }), { qos: 1 });
    await client.endAsync();
  });
});
