import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LinkOptions } from '../ports.ts';
import { mqttLink } from './network.ts';

describe('the real link, against a real broker', () => {
  let broker: Aedes;
  let server: Server;
  const published: string[] = [];

  beforeEach(async () => {
    published.length = 0;
    broker = await Aedes.createBroker({
      authenticate: (client, _user, _password, done) => {
        if (client.id === 'stranger') done(Object.assign(new Error('no'), { returnCode: 5 }) as never, false);
        else done(null, true);
      },
      authorizeSubscribe: (_client, subscription, done) =>
        done(null, subscription.topic.startsWith('mine/') ? subscription : null),
    });
    broker.on('publish', (packet, client) => client && published.push(`${packet.topic} ${packet.payload}`));
    server = createServer(broker.handle);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    await new Promise<void>((resolve) => broker.close(() => server.close(() => resolve())));
  });

  function options(change: Partial<LinkOptions> = {}): LinkOptions {
    return {
      url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
      clientId: 'device-1',
      will: { topic: 'mine/death', payload: Buffer.from('gone') },
      keepaliveSeconds: 30,
      connectTimeoutMs: 5_000,
      onMessage: () => {},
      onClose: () => {},
      ...change,
    };
  }

  it('publishes, subscribes, and refuses with FORBIDDEN what the broker refuses', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const session = await mqttLink.connect(
      options({ onMessage: (topic, payload) => resolve(`${topic} ${Buffer.from(payload)}`) }),
    );
    await session.subscribe(['mine/desired']);
    await session.publish('mine/desired', Buffer.from('hello'), 1);
    expect(await promise).toBe('mine/desired hello');
    await expect(session.subscribe(['other/desired'])).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await session.end({ graceful: true });
    await expect(session.publish('mine/x', Buffer.from(''), 1)).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
    expect(published).not.toContain('mine/death gone');
  });

  it('says once that a connection has ended, and leaves a will when it ends abruptly', async () => {
    const closed: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    broker.on('publish', (packet) => packet.topic === 'mine/death' && resolve());
    const session = await mqttLink.connect(options({ onClose: (reason) => closed.push(reason) }));
    await session.end({ graceful: false });
    await promise;
    expect(closed).toHaveLength(1);
  });

  it('ends in bounded time when the broker answers no more', async () => {
    const frozen = createServer((socket) => {
      // Accepts the connection, and acknowledges nothing of what comes.
      socket
        .on('error', () => {})
        .once('data', () => {
          socket.write(Buffer.from([0x20, 2, 0, 0]));
          socket.resume();
        });
    });
    await new Promise<void>((resolve) => frozen.listen(0, '127.0.0.1', resolve));
    const url = `mqtt://127.0.0.1:${(frozen.address() as AddressInfo).port}`;
    const session = await mqttLink.connect(options({ url }));
    const lost = expect(session.publish('mine/x', Buffer.from('x'), 1)).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
    const at = performance.now();
    await session.end({ graceful: true });
    expect(performance.now() - at).toBeLessThan(10_000);
    await lost;
    frozen.close();
  });

  it('tells a refused identity from a broker that is not there', async () => {
    await expect(mqttLink.connect(options({ clientId: 'stranger' }))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    await expect(mqttLink.connect(options({ url: 'mqtt://127.0.0.1:1' }))).rejects.toMatchObject({
      code: 'UNREACHABLE',
    });
  });
});
