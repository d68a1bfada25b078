import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { DeviceView, LinkChangeView } from '@covey/protocol/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { covey, coveyJson, isLong, until } from './harness.ts';
import { identityOf } from './impostor.ts';
import { type StandingFleet, startStandingFleet } from './standing-fleet.ts';

/** Another address of a port here, which lets nothing through while it is shut. */
class Passage {
  readonly #server: Server;
  readonly #waiting: (() => void)[] = [];
  readonly #sockets = new Set<Socket>();
  #isOpen = false;

  constructor(port: number) {
    this.#server = createServer((socket) => {
      const pass = () => {
        const onward = connect(port, '127.0.0.1');
        for (const end of [socket, onward]) {
          this.#sockets.add(end);
          end.on('error', () => {}).once('close', () => [socket, onward].map((one) => one.destroy()));
        }
        socket.pipe(onward).pipe(socket);
      };
      socket.on('error', () => {});
      if (this.#isOpen) pass();
      else this.#waiting.push(pass);
    });
  }

  async listen(): Promise<number> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  open(): void {
    this.#isOpen = true;
    for (const pass of this.#waiting.splice(0)) pass();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

let fleet: StandingFleet;
const passages: Passage[] = [];
beforeAll(async () => {
  fleet = await startStandingFleet(2);
});
afterAll(async () => {
  await fleet.stop();
  for (const passage of passages) passage.close();
});

const deviceAt = (index: number) => {
  const device = fleet.devices[index];
  if (!device) throw new Error('the fleet has two devices');
  return device;
};
const portOf = (url: string) => Number(new URL(url).port);
const args = (mqtt: string, device: string, ...more: string[]) => [
  ...['link', 'change', '--mqtt', mqtt, '--device', device, '--data', fleet.data, ...more],
];
async function passageTo(port: number): Promise<{ passage: Passage; port: number }> {
  const passage = new Passage(port);
  passages.push(passage);
  return { passage, port: await passage.listen() };
}

test('a wrong address is taken back by the device, with the reason, and no other device is told', async () => {
  const [first, second] = [deviceAt(0), deviceAt(1)];
  const before = identityOf(first.folder);
  const wrong = args('mqtts://127.0.0.1:1', 'https://127.0.0.1:1', '--within', '1s');
  const { code: dry, stdout: preview } = await covey([...wrong, '--dry-run']);
  expect([dry, preview]).toEqual([0, expect.stringMatching(/1 +edge-1 .*\n +2 +edge-2 /)]);
  const { code, stdout } = await covey([...wrong, '--wait', '--json']);
  const change = JSON.parse(stdout) as LinkChangeView;
  expect(code).toBe(3);
  expect(change).toMatchObject({
    state: 'stopped',
    reason: expect.stringMatching(
      /^device edge-1: no contact by mqtts:\/\/127.0.0.1:1 within 1 s: .*ECONNREFUSED/,
    ),
    waves: [{ devices: [{ state: 'takenBack' }] }, { devices: [{ state: 'waiting' }] }],
  });
  expect(identityOf(first.folder).mqttUrl).toBe(before.mqttUrl);
  const { stdout: shown } = await covey(['device', 'show', 'edge-1', '--data', fleet.data]);
  expect(shown).toMatch(new RegExp(`change +${change.id} taken back: no contact by`));
  expect((await second.view()).link).toEqual({ wanted: null, reported: null });
});

test.runIf(isLong)(
  'a device address that is dead is the reason, although the session comes up by the new way',
  async () => {
    const { mqttUrl } = identityOf(deviceAt(0).folder);
    const live = `mqtts://localhost:${portOf(mqttUrl)}`;
    const { code, stdout } = await covey(
      args(live, 'https://127.0.0.1:1', '--within', '5s', '--wait', '--json'),
    );
    expect([code, (JSON.parse(stdout) as LinkChangeView).reason]).toEqual([
      3,
      expect.stringMatching(
        /^device edge-1: no answer of the controller at https:\/\/127.0.0.1:1 within 5 s: .*ECONNREFUSED/,
      ),
    ]);
  },
);

test('devices move to another address of the same controller, one first, and stay: also one that is killed meanwhile', async () => {
  const [first, second] = [deviceAt(0), deviceAt(1)];
  const { mqttUrl, deviceUrl } = identityOf(first.folder);
  const [mqtt, device] = [await passageTo(portOf(mqttUrl)), await passageTo(portOf(deviceUrl))];
  const to = [`mqtts://localhost:${mqtt.port}`, `https://localhost:${device.port}`] as const;
  const { id } = await coveyJson<LinkChangeView>(args(...to, '--within', '60s'));
  await until('the change to be pending', async () =>
    identityOf(first.folder).mqttUrl === to[0] ? true : undefined,
  );
  await first.restart();
  expect(identityOf(first.folder).mqttUrl).toBe(to[0]);
  expect(identityOf(second.folder).mqttUrl).toBe(mqttUrl);
  for (const { passage } of [mqtt, device]) passage.open();
  const change = await coveyJson<LinkChangeView>(['link', 'status', id, '--wait', '--data', fleet.data]);
  expect(change).toMatchObject({
    state: 'finished',
    waves: [{ devices: [{ state: 'kept' }] }, { devices: [{ state: 'kept' }] }],
  });
  await second.restart();
  const view = await until<DeviceView>('edge-2 to be back', async () => {
    const shown = await second.view();
    return shown.online ? shown : undefined;
  });
  expect(view.link).toMatchObject({ wanted: { mqttUrl: to[0] }, reported: { id, state: 'kept' } });
  expect(identityOf(second.folder)).toMatchObject({ mqttUrl: to[0], deviceUrl: to[1] });
});
