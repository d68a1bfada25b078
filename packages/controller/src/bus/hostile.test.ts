import { once } from 'node:events';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { limits } from '@covey/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type BusBench, closed, openBusBench } from './bus.fixture.ts';

let bench: BusBench;
beforeAll(async () => {
  bench = await openBusBench();
});
beforeEach(() => bench.restart());
afterEach(() => bench.stop());
afterAll(() => bench.remove());

describe('what comes before MQTT', () => {
  async function raw(id: string): Promise<TLSSocket> {
    const socket = tlsConnect({ port: bench.port, host: 'localhost', ...bench.tlsOf(id) });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    return socket;
  }
  const ended = (socket: TLSSocket) =>
    vi.waitUntil(() => socket.destroyed || socket.readableEnded, { timeout: 5_000 });
  const connectPacket = (id: string) =>
    Buffer.concat([
      Buffer.from([0x10, 12 + id.length, 0, 4]),
      Buffer.from('MQTT'),
      Buffer.from([4, 2, 0, 30, 0, id.length]),
      Buffer.from(id),
    ]);

  test('a publish of 30 MB is stopped on its header and never gathered', async () => {
    const client = await bench.connected('edge-1');
    const bystander = await bench.connected('edge-2');
    const before = process.memoryUsage().arrayBuffers;
    client.publish('covey/1/edge-1/event', Buffer.alloc(30 * 1024 * 1024), { qos: 0 });
    await closed(client);
    await vi.waitUntil(() => bench.refusals.length > 0);
    expect(bench.reasons()).toEqual(['edge-1 packet-size']);
    expect(bench.received).toEqual([]);
    // The client itself holds its 30 MB and what it has queued of them.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(70 * 1024 * 1024);
    await bystander.publishAsync('covey/1/edge-2/event', 'x', { qos: 1 });
    expect(bench.received).toHaveLength(1);
  });

  test('the largest packet allowed passes, one byte more does not', async () => {
    const client = await bench.connected('edge-1');
    const overhead = 1 + 3 + 2 + 'covey/1/edge-1/event'.length;
    await client.publishAsync('covey/1/edge-1/event', 'x'.repeat(limits.mqttPacketBytes - overhead), {
      qos: 0,
    });
    await vi.waitUntil(() => bench.received.length === 1);
    client.publish('covey/1/edge-1/event', 'x'.repeat(limits.mqttPacketBytes - overhead + 1), { qos: 0 });
    await closed(client);
    expect(bench.received).toHaveLength(1);
    expect(bench.reasons()).toEqual(['edge-1 packet-size']);
  });

  test.each<[string, Buffer]>([
    ['a length of five bytes', Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01])],
    ['a reserved packet type', Buffer.from([0xf0, 0])],
    ['a second CONNECT', connectPacket('edge-1')],
    ['noise', Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 97) % 251))],
  ])('%s ends that connection alone', async (_what, bytes) => {
    const bystander = await bench.connected('edge-2');
    const socket = await raw('edge-1');
    socket.resume().write(connectPacket('edge-1'));
    socket.write(bytes);
    await ended(socket);
    await vi.waitUntil(() => bench.refusals.length > 0);
    expect(bench.refusals[0]?.device).toBe('edge-1');
    await bystander.publishAsync('covey/1/edge-2/event', 'x', { qos: 1 });
    expect(bench.received).toHaveLength(1);
  });

  test('a handler that is slow stops the reading: what a device can have waiting here is bounded', async () => {
    const blocked = Promise.withResolvers<void>();
    bench.handle = () => blocked.promise;
    const socket = await raw('edge-1');
    socket.resume().write(connectPacket('edge-1'));
    const topic = Buffer.from('covey/1/edge-1/event');
    const bodyBytes = 2 + topic.length + 100_000;
    const length = [(bodyBytes & 0x7f) | 0x80, ((bodyBytes >> 7) & 0x7f) | 0x80, bodyBytes >> 14];
    const header = Buffer.from([0x30, ...length, 0, topic.length]);
    const packet = Buffer.concat([header, topic, Buffer.alloc(100_000)]);
    for (let i = 0; i < 300; i++) socket.write(packet);
    let waitingBytes = -1;
    // The buffers of both kernels' sockets fill, then nothing moves any more.
    await vi.waitUntil(
      () => {
        const isStalled = waitingBytes === socket.writableLength;
        waitingBytes = socket.writableLength;
        return isStalled;
      },
      { interval: 300, timeout: 10_000 },
    );
    expect(waitingBytes).toBeGreaterThan(15e6);
    blocked.resolve();
    await vi.waitUntil(() => socket.writableLength === 0, { timeout: 10_000 });
    expect(bench.refusals).toEqual([]);
    socket.destroy();
  });

  test('a connection that says nothing is ended', async () => {
    await bench.restart({ connectTimeoutMs: 200 });
    const socket = await raw('edge-1');
    socket.resume();
    await ended(socket);
    expect(bench.reasons()).toEqual(['edge-1 connect-timeout']);
  });

  test('a keepalive that never ends is refused', async () => {
    expect(await bench.refusedWith('edge-1', { keepalive: 0 })).toBeDefined();
    expect(await bench.refusedWith('edge-1', { keepalive: 3_600 })).toBeDefined();
  });

  test('more connections than allowed are turned away', async () => {
    await bench.restart({ connections: 2 });
    await bench.connected('edge-1');
    await bench.connected('edge-2');
    await expect(bench.connected('edge-3')).rejects.toThrow();
    expect(bench.reasons()).toEqual(['null connections']);
  });

  test('a frozen subscriber delays nobody, holds a bounded backlog and is disconnected', async () => {
    await bench.restart({ drainTimeoutMs: 1_000 });
    const frozen = await bench.connected('edge-1');
    const lively = await bench.connected('edge-2');
    await frozen.subscribeAsync('covey/1/edge-1/desired', { qos: 1 });
    await lively.subscribeAsync('covey/1/edge-2/desired', { qos: 1 });
    frozen.stream.pause();
    const payload = Buffer.alloc(100_000);
    const toFrozen = Array.from({ length: 300 }, () => bench.bus.publish('edge-1', 'desired', payload));
    const heard = new Promise<void>((resolve) => lively.once('message', () => resolve()));
    await bench.bus.publish('edge-2', 'desired', Buffer.from('x'));
    await heard;
    await Promise.all(toFrozen);
    await vi.waitUntil(() => bench.refusals.length > 0);
    expect(bench.reasons()).toEqual(['edge-1 frozen']);
  });
});
