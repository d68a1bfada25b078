import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { limits } from '@covey/protocol';
import { Aedes, type Client } from 'aedes';
import { connect, connectAsync, type IClientOptions } from 'mqtt';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type BusBench, closed, openBusBench, silent } from './bus.fixture.ts';
import { accessHooks } from './hooks.ts';
import { createInbox } from './inbox.ts';
import type { Refusal } from './index.ts';
import { guardPackets } from './packet-guard.ts';
import { createSessions } from './sessions.ts';

let bench: BusBench;
beforeAll(async () => {
  bench = await openBusBench();
});
beforeEach(() => bench.restart());
afterEach(() => bench.stop());
afterAll(() => bench.remove());

describe('publishing and subscribing', () => {
  test.each<[string, string, object]>([
    ['to another device', 'covey/1/edge-2/birth', { qos: 1 }],
    ['to a topic of the controller', 'covey/1/edge-1/desired', { qos: 1 }],
    ['below its topic', 'covey/1/edge-1/birth/x', { qos: 0 }],
    ['to no topic of ours', 'anything', { qos: 0 }],
    ['to the broker', '$SYS/x', { qos: 0 }],
    ['retained', 'covey/1/edge-1/birth', { qos: 1, retain: true }],
    ['with QoS 2', 'covey/1/edge-1/birth', { qos: 2 }],
  ])('a publish %s ends the connection and has no effect', async (_what, topic, options) => {
    const other = await bench.connected('edge-2');
    const client = await bench.connected('edge-1');
    client.publish(topic, 'x', options);
    await closed(client);
    expect(bench.reasons()).toEqual(['edge-1 publish']);
    expect(bench.received).toEqual([]);
    await other.publishAsync('covey/1/edge-2/birth', 'still here', { qos: 1 });
    expect(bench.received).toEqual([['edge-2', 'birth', 'still here']]);
  });

  test('of a list of subscriptions only the own topics are granted, and only they deliver', async () => {
    const client = await bench.connected('edge-1');
    const asked = [
      'covey/1/edge-1/desired',
      'covey/1/edge-2/desired',
      'covey/1/+/desired',
      'covey/1/edge-1/#',
      '#',
      '$SYS/#',
      'covey/1/edge-1/birth',
    ];
    const grants = await client.subscribeAsync(asked, { qos: 1 }).catch((error) => error.packet.granted);
    const codes = Array.isArray(grants) ? grants.map((grant) => grant.qos ?? grant) : grants;
    expect(codes).toEqual([1, 128, 128, 128, 128, 128, 128]);
    expect(bench.reasons()).toEqual(Array.from({ length: 6 }, () => 'edge-1 subscribe'));
    const heard: string[] = [];
    client.on('message', (topic) => heard.push(topic));
    const other = await bench.connected('edge-2');
    await other.subscribeAsync('covey/1/edge-2/desired', { qos: 1 });
    await bench.bus.publish('edge-2', 'desired', Buffer.from('secret'));
    await bench.bus.publish('edge-1', 'receipt', Buffer.from('not subscribed'));
    await bench.bus.publish('edge-1', 'desired', Buffer.from('mine'));
    await vi.waitUntil(() => heard.length > 0);
    expect(heard).toEqual(['covey/1/edge-1/desired']);
  });

  test('publishing to a device that is not there does nothing', async () => {
    await bench.bus.publish('edge-3', 'desired', Buffer.from('x'));
    expect(bench.refusals).toEqual([]);
  });

  test('a device is handled in order, one message at a time, and does not wait for others', async () => {
    const blocked = Promise.withResolvers<void>();
    let running = 0;
    let mostRunning = 0;
    bench.handle = async (device, kind, payload) => {
      if (device === 'edge-1') {
        mostRunning = Math.max(mostRunning, ++running);
        await blocked.promise;
        running--;
      }
      bench.received.push([device, kind, new TextDecoder().decode(payload)]);
    };
    const slow = await bench.connected('edge-1');
    const sent = Array.from({ length: 50 }, (_, i) =>
      slow.publishAsync('covey/1/edge-1/event', String(i), { qos: 1 }),
    );
    const other = await bench.connected('edge-2');
    await other.publishAsync('covey/1/edge-2/event', 'other', { qos: 1 });
    expect(bench.received).toEqual([['edge-2', 'event', 'other']]);
    blocked.resolve();
    await Promise.all(sent);
    expect(mostRunning).toBe(1);
    expect(bench.received.slice(1).map(([, , text]) => text)).toEqual(
      Array.from({ length: 50 }, (_, i) => String(i)),
    );
  });
});

describe('the persistent-session bypass of the broker', () => {
  test('authorizeForward delivers nothing of what a subscription named beside an allowed topic', async () => {
    const sessions = createSessions();
    const certificate = new X509Certificate(bench.tlsOf('edge-1').cert);
    const seen: Refusal[] = [];
    const options = {
      check: async () => undefined,
      onRefusal: (refusal: Refusal) => void seen.push(refusal),
      log: silent,
    };
    const { authorizeSubscribe, authorizeForward } = accessHooks(
      options,
      sessions,
      createInbox(bench.handle, silent),
    );
    const run = async (forward: boolean): Promise<string[]> => {
      const aedes = await Aedes.createBroker({ authorizeSubscribe, ...(forward && { authorizeForward }) });
      const server = createServer((socket) => {
        const stream = guardPackets(socket, limits.mqttPacketBytes);
        const client: Client = aedes.handle(stream);
        sessions.add(client, stream, { device: 'edge-1', certificate, address: 'x' });
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const url = `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`;
      const session: IClientOptions = {
        clientId: 'edge-1',
        clean: false,
        protocolVersion: 4,
        reconnectPeriod: 0,
      };
      const first = await connectAsync(url, session);
      await first
        .subscribeAsync(['covey/1/edge-1/desired', 'covey/1/edge-2/desired'], { qos: 1 })
        .catch((error) => expect(error.packet.granted).toEqual([1, 128]));
      await first.endAsync();
      const publish = (topic: string) =>
        new Promise<void>((resolve) =>
          aedes.publish({ cmd: 'publish', topic, payload: 'x', qos: 1, retain: false, dup: false }, () =>
            resolve(),
          ),
        );
      await publish('covey/1/edge-2/desired');
      const heard: string[] = [];
      const second = connect(url, session);
      second.on('message', (topic) => heard.push(topic));
      await new Promise<void>((resolve) => second.once('connect', () => resolve()));
      await publish('covey/1/edge-2/desired');
      await publish('covey/1/edge-1/desired');
      await vi.waitUntil(() => heard.includes('covey/1/edge-1/desired'));
      await second.endAsync();
      await new Promise<void>((resolve) => aedes.close(() => server.close(() => resolve())));
      return heard;
    };
    expect(await run(false)).toContain('covey/1/edge-2/desired');
    expect(new Set(await run(true))).toEqual(new Set(['covey/1/edge-1/desired']));
    expect(seen.map(({ reason }) => reason)).toContain('forward');
  });
});
