import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemDisk, systemRandom } from '@covey/ports';
import type { IClientOptions } from 'mqtt';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openIdentity } from '../identity/index.ts';
import { openStorage } from '../storage/index.ts';
import { createTrust } from '../trust/index.ts';
import { online } from '../trust.fixture.ts';
import { type BusBench, closed, death, openBusBench, silent } from './bus.fixture.ts';
import { embeddedBus } from './index.ts';

let bench: BusBench;
beforeAll(async () => {
  bench = await openBusBench();
});
beforeEach(() => bench.restart());
afterEach(() => bench.stop());
afterAll(() => bench.remove());

describe('connecting', () => {
  test('a device connects and is heard; its will is heard when it is gone without a word', async () => {
    const client = await bench.connected('edge-1', {
      will: { topic: 'covey/1/edge-1/death', payload: Buffer.from(death), qos: 1, retain: false },
    });
    await client.publishAsync('covey/1/edge-1/birth', 'hello', { qos: 1 });
    expect(bench.received).toEqual([['edge-1', 'birth', 'hello']]);
    client.stream.destroy();
    await vi.waitUntil(() => bench.received.length === 2);
    expect(bench.received[1]).toEqual(['edge-1', 'death', death]);
    expect(bench.refusals).toEqual([]);
  });

  test('without a certificate, or with one of another authority, there is no connection', async () => {
    const other = await mkdtemp(join(tmpdir(), 'covey-other-'));
    const ports = { clock: systemClock, random: systemRandom, disk: systemDisk };
    const blobFolder = join(other, 'blobs');
    const storage = await openStorage({ file: ':memory:', blobFolder, disk: systemDisk });
    const trust = createTrust({ storage, clock: systemClock, signer: online });
    const stranger = await openIdentity({ folder: other, names: [], storage, trust, ...ports });
    await storage.close();
    await rm(other, { recursive: true });
    await expect(bench.connected('edge-1', { cert: undefined, key: undefined } as never)).rejects.toThrow();
    await expect(
      bench.connected('edge-1', { cert: stranger.server.certificate, key: stranger.server.key }),
    ).rejects.toThrow();
    // Signed by the right authority, but a server's.
    await expect(
      bench.connected('edge-1', { cert: bench.identity.server.certificate, key: bench.identity.server.key }),
    ).rejects.toThrow();
    expect(bench.reasons()).toEqual(['null handshake', 'null handshake', 'null handshake']);
  });

  test('the client id must be the name in the certificate', async () => {
    expect(await bench.refusedWith('edge-1', { clientId: 'edge-2' })).toBe(2);
    expect(await bench.refusedWith('edge-1', { clientId: '' })).toBe(2);
    expect(bench.reasons()).toEqual(['edge-1 client-id', 'edge-1 client-id']);
  });

  test('a revoked device is refused with a code, not by silence', async () => {
    await bench.enrol('edge-r');
    const client = await bench.connected('edge-r');
    await bench.identity.refuse('edge-r', 'revoked', 'admin');
    bench.bus.disconnect('edge-r');
    await closed(client);
    expect(await bench.refusedWith('edge-r', {})).toBe(5);
    await bench.identity.refuse('edge-r', 'reset', 'admin');
    const old = bench.tlsOf('edge-r');
    await bench.enrol('edge-r');
    await bench.connected('edge-r');
    expect(await bench.refusedWith('edge-r', old as IClientOptions)).toBe(5);
    expect(bench.reasons()).toEqual(['edge-r revoked', 'edge-r revoked']);
  });

  test('a device that is refused while it connects gets no session', async () => {
    await bench.enrol('edge-q');
    const { check } = bench.identity;
    const checked = vi.spyOn(bench.identity, 'check').mockImplementationOnce(async (certificate) => {
      const answer = await check(certificate);
      await bench.identity.refuse('edge-q', 'revoked', 'admin');
      bench.bus.disconnect('edge-other');
      return answer;
    });
    expect(await bench.refusedWith('edge-q', {})).toBe(5);
    expect(checked).toHaveBeenCalledTimes(2);
    checked.mockRestore();
  });

  test('sessions that outlive the connection are refused', async () => {
    expect(await bench.refusedWith('edge-1', { clean: false })).toBe(5);
    expect(bench.reasons()).toEqual(['edge-1 persistent-session']);
  });

  test.each<[string, Partial<NonNullable<IClientOptions['will']>>]>([
    ['of another device', { topic: 'covey/1/edge-2/death' }],
    ['on another topic', { topic: 'covey/1/edge-1/birth' }],
    ['on a topic of the controller', { topic: 'covey/1/edge-1/desired' }],
    ['retained', { retain: true }],
    ['of QoS 2', { qos: 2 }],
    ['that is no death', { payload: Buffer.from('{}') }],
    ['that is too long', { payload: Buffer.from(JSON.stringify({ bootId: 'x', more: 'x'.repeat(2_000) })) }],
  ])('a will %s is refused', async (_what, will) => {
    const good = {
      topic: 'covey/1/edge-1/death',
      payload: Buffer.from(death),
      qos: 1,
      retain: false,
    } as const;
    expect(await bench.refusedWith('edge-1', { will: { ...good, ...will } })).toBe(5);
    expect(bench.reasons()).toEqual(['edge-1 will']);
  });

  test('a second connection of a device takes over, and the will of the first is not heard', async () => {
    const will = {
      topic: 'covey/1/edge-1/death',
      payload: Buffer.from(death),
      qos: 1,
      retain: false,
    } as const;
    const first = await bench.connected('edge-1', { will });
    const second = await bench.connected('edge-1', { will });
    await closed(first);
    await second.subscribeAsync('covey/1/edge-1/desired', { qos: 1 });
    await second.publishAsync('covey/1/edge-1/birth', 'second', { qos: 1 });
    await bench.bus.publish('edge-1', 'desired', Buffer.from('x'));
    expect(bench.received).toEqual([['edge-1', 'birth', 'second']]);
    expect(second.connected).toBe(true);
  });

  test('a port in use is named', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port: taken } = blocker.address() as { port: number };
    const second = embeddedBus({
      host: '127.0.0.1',
      port: taken,
      tls: bench.identity.server,
      identity: bench.identity,
      onRefusal: () => {},
      log: silent,
    });
    second.onMessage(async () => {});
    await expect(second.start()).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(String(taken)),
    });
    blocker.close();
  });
});
