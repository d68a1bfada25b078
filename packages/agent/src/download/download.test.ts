import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nodeFetch } from '@covey/ports/network';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bundleOf,
  type DownloadDevice,
  downloadDevice,
  fileOf,
  isOnDisk,
  murmur,
  noise,
  root,
  settle,
} from './download.fixture.ts';

/** What a kill or a cut may cost of what came. */
const lostBytes = 64 * 1024;
const sizeBytes = 200_000;
const first = murmur('first', sizeBytes);
const one = bundleOf('1.0.0', first);
/** As `first`, with other bytes in the middle. */
const second = Buffer.concat([first.subarray(0, 70_000), murmur('second', 30_000), first.subarray(100_000)]);
const two = bundleOf('2.0.0', second, '2026-02-01T00:00:00Z');
const other = bundleOf('3.0.0', murmur('other', sizeBytes), '2026-03-01T00:00:00Z');

/** Of many chunks, and no smaller in any form. */
const large = noise('large', 1_500_000);
const largeOne = bundleOf('1.0.0', large);
const largeTwo = bundleOf(
  '2.0.0',
  Buffer.concat([large.subarray(0, 700_000), noise('new', 30_000), large.subarray(730_000)]),
);

const asked = ({ network }: DownloadDevice, what: string) =>
  network.served.filter((line) => line.includes(`/${what}/`));

describe('a download', () => {
  it('brings a first version as one stream, and a second as the difference from what is here', async () => {
    const device = downloadDevice('routes');
    device.shelf.add(one, two);
    await settle(device.world, device.fetch(one.digest));
    expect(await isOnDisk(device, one)).toBe(true);
    expect(asked(device, 'chunks')).toEqual([]);
    const before = device.network.bodyBytes;
    expect(before).toBeLessThan(0.77 * sizeBytes);
    await settle(device.world, device.fetch(two.digest));
    expect(await isOnDisk(device, two)).toBe(true);
    // 30,000 bytes are new, and a quarter of each goes; the manifest is 700.
    expect(device.network.bodyBytes - before).toBeLessThan(25_000);
    expect(asked(device, 'transfers').at(-1)).toContain(`?from=${fileOf(one).sha256}`);
  });

  it('goes chunk by chunk where the controller has no transfers, and takes what lies here from here', async () => {
    const device = downloadDevice('chunks');
    device.shelf.add(largeOne, largeTwo);
    device.shelf.hasTransfers = false;
    await settle(device.world, device.fetch(largeOne.digest));
    const all = fileOf(largeOne).chunks.length;
    expect(all).toBeGreaterThan(5);
    expect(asked(device, 'chunks')).toHaveLength(all);
    await settle(device.world, device.fetch(largeTwo.digest));
    expect(await isOnDisk(device, largeTwo)).toBe(true);
    const fresh = fileOf(largeTwo).chunks.filter(({ sha256 }) => !largeOne.chunks.has(sha256));
    expect(fresh.length).toBeLessThan(4);
    expect(asked(device, 'chunks')).toHaveLength(all + fresh.length);
  });

  it('keeps what two versions have alike once, and needs no network for it', async () => {
    const device = downloadDevice('alike');
    const again = bundleOf('1.0.1', large);
    device.shelf.add(largeOne, again);
    device.shelf.hasTransfers = false;
    await settle(device.world, device.fetch(largeOne.digest));
    const before = device.network.served.length;
    const store = await settle(device.world, device.fetch(again.digest));
    expect(device.network.served.slice(before)).toHaveLength(1);
    expect(store.present).toHaveLength(2);
    expect(device.machine.disk.paths().filter((path) => path.includes('/files/'))).toHaveLength(1);
    await store.remove([largeOne.digest]);
    expect(await store.isComplete(again.digest)).toBe(true);
    await store.remove([again.digest]);
    expect(device.machine.disk.paths().filter((path) => path.includes('/bundles/'))).toEqual([]);
  });

  const ways = [
    { way: 'a transfer', bundle: one, numRuns: 5 },
    { way: 'chunks', bundle: largeOne, numRuns: 25 },
  ];

  it.each(ways)(
    'as $way, cut at any byte as often as it likes, loses little in each cut',
    async ({ bundle, numRuns }) => {
      const whole = fileOf(bundle).sizeBytes;
      const cutsAt = fc.array(fc.integer({ min: 1, max: whole }), { maxLength: 5 });
      await fc.assert(
        fc.asyncProperty(cutsAt, fc.nat(), async (cuts, seed) => {
          const device = downloadDevice(seed);
          device.shelf.add(bundle);
          device.shelf.hasTransfers = bundle === one;
          for (const afterBytes of cuts) {
            device.network.breakAfterBytes = afterBytes;
            const cut = settle(device.world, device.fetch(bundle.digest));
            await cut.catch((error) => expect(error).toMatchObject({ code: 'UNREACHABLE' }));
          }
          device.network.breakAfterBytes = Number.POSITIVE_INFINITY;
          await settle(device.world, device.fetch(bundle.digest));
          expect(await isOnDisk(device, bundle)).toBe(true);
          expect(device.network.bodyBytes).toBeLessThanOrEqual(whole + 5_000 + cuts.length * lostBytes);
        }),
        { numRuns },
      );
    },
  );

  it.each(ways)(
    'as $way, killed at any moment as often as it likes, loses little in each',
    async ({ bundle, numRuns }) => {
      const whole = fileOf(bundle).sizeBytes;
      const killsAfter = fc.array(fc.integer({ min: 1, max: 1_500 }), { maxLength: 5 });
      await fc.assert(
        fc.asyncProperty(killsAfter, fc.nat(), async (kills, seed) => {
          const device = downloadDevice(seed);
          device.shelf.add(bundle);
          device.shelf.hasTransfers = bundle === one;
          device.network.bytesPerSecond = 100_000;
          for (const afterMs of kills) {
            void device.fetch(bundle.digest);
            await device.world.advance(afterMs);
            device.machine.killProcess();
            await device.world.advance(60_000);
          }
          await settle(device.world, device.fetch(bundle.digest));
          expect(await isOnDisk(device, bundle)).toBe(true);
          // A process that is dead takes one part more off the wire on each of its connections.
          const overheadBytes = 5_000 + kills.length * 4 * 16 * 1024;
          expect(device.network.bodyBytes).toBeLessThanOrEqual(
            whole + overheadBytes + kills.length * lostBytes,
          );
        }),
        { numRuns },
      );
    },
  );

  it('over real HTTP goes on at the byte where the connection was reset', async () => {
    const { shelf, fetch } = realDevice;
    shelf.add(one);
    const cuts = [1, 70_001, 23_457, 30_000];
    for (const afterBytes of cuts) {
      server.cutAfterBytes = afterBytes;
      await expect(fetch(one.digest)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    }
    server.cutAfterBytes = Number.POSITIVE_INFINITY;
    const store = await fetch(one.digest);
    expect(await store.isComplete(one.digest)).toBe(true);
    expect(server.sentBytes).toBeLessThanOrEqual(0.77 * sizeBytes + 5_000 + cuts.length * lostBytes);
  });
});

describe('what comes damaged', () => {
  const flip = (bytes: Uint8Array) => {
    const damaged = Buffer.from(bytes);
    damaged[damaged.length - 1_000] = (damaged[damaged.length - 1_000] ?? 0) ^ 1;
    return damaged;
  };

  it('a delta that decodes to something else is fetched once, and the full download follows where that is allowed', async () => {
    const device = downloadDevice('failed-delta');
    device.shelf.add(one, other);
    await settle(device.world, device.fetch(one.digest));
    device.shelf.spoil = (bytes, isDelta) => (isDelta ? flip(bytes) : bytes);
    const fetching = () => settle(device.world, device.fetch(other.digest));
    await expect(fetching()).rejects.toMatchObject({ code: 'BUNDLE_CORRUPT' });
    const deltas = asked(device, 'transfers').filter((line) => line.includes('from=')).length;
    await fetching();
    expect(asked(device, 'transfers').filter((line) => line.includes('from=')).length).toBe(deltas);
    expect(await isOnDisk(device, other)).toBe(true);
  });

  it('and waits, costing nothing more, where it is not', async () => {
    const device = downloadDevice('delta-only');
    device.shelf.add(one, other);
    const policy = { whenDeltaFails: 'delta-only' } as const;
    // A first install has no delta that could fail.
    await settle(device.world, device.fetch(one.digest, { policy }));
    device.shelf.spoil = (bytes, isDelta) => (isDelta ? flip(bytes) : bytes);
    const fetching = () => settle(device.world, device.fetch(other.digest, { policy }));
    await expect(fetching()).rejects.toMatchObject({ code: 'BUNDLE_CORRUPT' });
    const before = device.network.bodyBytes;
    for (let times = 0; times < 20; times++)
      await expect(fetching()).rejects.toMatchObject({ code: 'DELTA_UNAVAILABLE', waitMs: null });
    // The header of the full one, once: what it would cost is in the reason.
    expect(device.network.bodyBytes - before).toBeLessThan(5_000);
  });

  it('a file on the disk is repaired by the damaged chunks alone', async () => {
    const device = downloadDevice('repair');
    device.shelf.add(largeOne);
    device.shelf.hasTransfers = false;
    await settle(device.world, device.fetch(largeOne.digest));
    const file = fileOf(largeOne);
    const damaged = [file.chunks[0], file.chunks.at(-1)].map((chunk) => chunk?.sizeBytes ?? 0);
    const path = `${root}/bundles/files/${file.sha256}`;
    for (const offset of [5, file.sizeBytes - 5]) device.machine.disk.damage(path, offset);
    const served = device.network.served.length;
    const before = device.network.bodyBytes;
    await settle(device.world, device.fetch(largeOne.digest, { damaged: [file] }));
    expect(device.network.served.slice(served).filter((line) => line.includes('/chunks/'))).toHaveLength(2);
    const cameBytes = device.network.bodyBytes - before - damaged.reduce((sum, bytes) => sum + bytes, 0);
    expect(cameBytes).toBe(0);
    expect(await isOnDisk(device, largeOne)).toBe(true);
  });
});

/** The device listener over real sockets, cutting connections; no TLS, which has tests of its own. */
const server = { cutAfterBytes: Number.POSITIVE_INFINITY, sentBytes: 0, close: async () => {} };
const realDevice = downloadDevice('real');
beforeAll(async () => {
  const listener = createServer((request, response) => {
    const { status, body } = realDevice.shelf.answer({ url: `http://host${request.url}` });
    const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const end = to === '' ? body.byteLength : Math.min(body.byteLength, Number(to) + 1);
    const part = body.subarray(Number(from), end);
    const cut = part.subarray(0, server.cutAfterBytes);
    server.sentBytes += cut.byteLength;
    server.cutAfterBytes -= cut.byteLength;
    response.writeHead(request.headers.range && status === 200 ? 206 : status, {
      'content-length': part.byteLength,
      'content-range': `bytes ${from}-${end - 1}/${body.byteLength}`,
    });
    if (cut.byteLength === part.byteLength) response.end(part);
    else response.write(cut, () => setImmediate(() => response.destroy()));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  realDevice.network.fetch = (request) =>
    nodeFetch({
      ...request,
      tls: { ca: '' },
      url: request.url.replace('https://controller:8443', `http://127.0.0.1:${port}`),
    });
  server.close = () =>
    new Promise((resolve) => {
      listener.closeAllConnections();
      listener.close(() => resolve());
    });
});
afterAll(() => server.close());
