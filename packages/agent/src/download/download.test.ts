import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Bundle } from '@covey/bundle';
import { nodeFetch } from '@covey/ports';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleOf, type DownloadDevice, downloadDevice, noise, root, settle } from './download.fixture.ts';

const chunkBytes = 64 * 1024;
const first = noise('first', 200_000);
/** As `first`, with other bytes in the second of its four chunks. */
const second = Buffer.concat([first.subarray(0, 70_000), noise('second', 30_000), first.subarray(100_000)]);
const one = bundleOf('1.0.0', first);
const two = bundleOf('2.0.0', second, '2026-02-01T00:00:00Z');
const other = bundleOf('3.0.0', noise('other', 200_000), '2026-03-01T00:00:00Z');

const fileOf = ({ manifest }: Bundle) =>
  manifest.files.find(({ sizeBytes }) => sizeBytes === 200_000)?.sha256 ?? '';
const onDisk = async ({ machine }: DownloadDevice, bundle: Bundle) =>
  Buffer.from((await machine.boot().disk.read(`${root}/bundles/files/${fileOf(bundle)}`)) ?? []);
const asked = ({ network }: DownloadDevice, what: string) =>
  network.served.filter((line) => line.includes(`/${what}/`));

describe('a download', () => {
  it('brings a first version as one stream, and a second as the difference from what is here', async () => {
    const device = downloadDevice('routes');
    device.shelf.add(one, two);
    await settle(device.world, device.fetch(one.digest));
    expect((await onDisk(device, one)).equals(Buffer.from(first))).toBe(true);
    expect(asked(device, 'chunks')).toEqual([]);
    const before = device.network.bodyBytes;
    await settle(device.world, device.fetch(two.digest));
    expect((await onDisk(device, two)).equals(second)).toBe(true);
    // 30,000 bytes are new and nothing makes them smaller; the manifest is 1.5 kB.
    const cameBytes = device.network.bodyBytes - before;
    expect(cameBytes).toBeGreaterThan(30_000);
    expect(cameBytes).toBeLessThan(33_000);
    expect(asked(device, 'transfers').at(-1)).toContain(`?from=${fileOf(one)}`);
  });

  it('goes chunk by chunk where the controller has no transfers, and takes what lies here from here', async () => {
    const device = downloadDevice('chunks');
    device.shelf.add(one, two);
    device.shelf.spoil = () => undefined;
    await settle(device.world, device.fetch(one.digest));
    expect(asked(device, 'chunks')).toHaveLength(4);
    await settle(device.world, device.fetch(two.digest));
    expect((await onDisk(device, two)).equals(second)).toBe(true);
    expect(asked(device, 'chunks')).toHaveLength(4 + 1);
  });

  it('keeps what two versions have alike once, and needs no network for it', async () => {
    const device = downloadDevice('alike');
    const again = bundleOf('1.0.1', first);
    device.shelf.add(one, again);
    await settle(device.world, device.fetch(one.digest));
    const before = device.network.served.length;
    const store = await settle(device.world, device.fetch(again.digest));
    expect(device.network.served.slice(before)).toHaveLength(1);
    expect(store.present).toHaveLength(2);
    expect(device.machine.disk.paths().filter((path) => path.includes('/files/'))).toHaveLength(1);
    await store.remove([one.digest]);
    expect(await store.isComplete(again.digest)).toBe(true);
    await store.remove([again.digest]);
    expect(device.machine.disk.paths().filter((path) => path.includes('/bundles/'))).toEqual([]);
  });

  it.each(['transfers', 'chunks'])(
    'over %s, cut at any byte as often as it likes, loses at most a chunk in each cut',
    async (way) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 1, max: 150_000 }), { maxLength: 5 }),
          fc.nat(),
          async (cuts, seed) => {
            const device = downloadDevice(seed);
            device.shelf.add(one);
            if (way === 'chunks') device.shelf.spoil = () => undefined;
            for (const afterBytes of cuts) {
              device.network.breakAfterBytes = afterBytes;
              const cut = settle(device.world, device.fetch(one.digest));
              await cut.catch((error) => expect(error).toMatchObject({ code: 'UNREACHABLE' }));
            }
            device.network.breakAfterBytes = Number.POSITIVE_INFINITY;
            await settle(device.world, device.fetch(one.digest));
            expect((await onDisk(device, one)).equals(Buffer.from(first))).toBe(true);
            const overheadBytes = 5_000;
            expect(device.network.bodyBytes).toBeLessThanOrEqual(
              200_000 + overheadBytes + cuts.length * chunkBytes,
            );
          },
        ),
        { numRuns: way === 'chunks' ? 25 : 5 },
      );
    },
  );

  it.each(['transfers', 'chunks'])(
    'over %s, killed at any moment as often as it likes, loses at most a chunk in each',
    async (way) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 1, max: 1_500 }), { maxLength: 5 }),
          fc.nat(),
          async (kills, seed) => {
            const device = downloadDevice(seed);
            device.shelf.add(one);
            device.network.bytesPerSecond = 100_000;
            if (way === 'chunks') device.shelf.spoil = () => undefined;
            for (const afterMs of kills) {
              void device.fetch(one.digest);
              await device.world.advance(afterMs);
              device.machine.killProcess();
              await device.world.advance(60_000);
            }
            const before = device.network.bodyBytes;
            await settle(device.world, device.fetch(one.digest));
            expect((await onDisk(device, one)).equals(Buffer.from(first))).toBe(true);
            expect(device.network.bodyBytes).toBeGreaterThanOrEqual(before);
            // A process that is dead takes one part more off the wire on each of its connections.
            const overheadBytes = 5_000 + kills.length * 4 * 16 * 1024;
            expect(device.network.bodyBytes).toBeLessThanOrEqual(
              200_000 + overheadBytes + kills.length * chunkBytes,
            );
          },
        ),
        { numRuns: way === 'chunks' ? 25 : 5 },
      );
    },
  );

  it('over real HTTP goes on at the byte where the connection was reset', async () => {
    const { shelf, fetch } = realDevice;
    shelf.add(one);
    const cuts = [1, 70_001, 23_457, 100_000];
    for (const afterBytes of cuts) {
      server.cutAfterBytes = afterBytes;
      await expect(fetch(one.digest)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    }
    server.cutAfterBytes = Number.POSITIVE_INFINITY;
    const store = await fetch(one.digest);
    expect(await store.isComplete(one.digest)).toBe(true);
    expect(server.sentBytes).toBeLessThanOrEqual(205_000 + cuts.length * chunkBytes);
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
    expect((await onDisk(device, other)).equals(Buffer.from(noise('other', 200_000)))).toBe(true);
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
    device.shelf.add(one);
    const store = await settle(device.world, device.fetch(one.digest));
    const [file] = store.present.length === 1 ? (await store.manifest(one.digest)).files : [];
    if (!file) throw new Error('the bundle has a file');
    for (const offset of [5, 150_000]) device.machine.disk.damage(store.filePath(file), offset);
    const before = device.network.bodyBytes;
    await settle(device.world, device.fetch(one.digest, { damaged: [file] }));
    expect(asked(device, 'chunks')).toHaveLength(2);
    expect(device.network.bodyBytes - before).toBe(2 * chunkBytes);
    expect((await onDisk(device, one)).equals(Buffer.from(first))).toBe(true);
  });
});

describe('policy on the way', () => {
  it('keeps to a rate', async () => {
    const device = downloadDevice('rate');
    device.shelf.add(one);
    const from = device.world.clock.monotonicMs();
    await settle(device.world, device.fetch(one.digest, { policy: { device: { bytesPerSecond: 20_000 } } }));
    const tookMs = device.world.clock.monotonicMs() - from;
    expect(tookMs).toBeGreaterThan(6_700);
    expect(tookMs).toBeLessThan(10_500);
  });

  it('spends no more than its budget of the day, over kills, and the rest on the days after', async () => {
    const device = downloadDevice('budget');
    device.shelf.add(one);
    device.network.bytesPerSecond = 100_000;
    const policy = { device: { bytesPerDay: 80_000 } };
    const days: number[] = [];
    for (let day = 0; day < 6; day++) {
      const before = device.network.bodyBytes;
      for (const killAfterMs of [200, 300]) {
        void device.fetch(one.digest, { policy }).catch(() => {});
        await device.world.advance(killAfterMs);
        device.machine.killProcess();
        await device.world.advance(1_000);
      }
      const outcome = await settle(device.world, device.fetch(one.digest, { policy })).catch(
        (error) => error,
      );
      days.push(device.network.bodyBytes - before);
      if (!('code' in outcome)) break;
      expect(outcome).toMatchObject({ code: 'BUDGET_SPENT' });
      await device.world.advance(outcome.waitMs);
    }
    expect((await onDisk(device, one)).equals(Buffer.from(first))).toBe(true);
    for (const bytes of days) expect(bytes).toBeLessThanOrEqual(80_000);
    expect(days.length).toBeLessThanOrEqual(5);
  });

  it('stops within a stride when somebody on the device asks for it, and goes on where it was', async () => {
    const device = downloadDevice('veto');
    device.shelf.add(one);
    device.network.bytesPerSecond = 20_000;
    const until = device.world.clock.now() + 3_600_000;
    const held = settle(device.world, device.fetch(one.digest));
    held.catch(() => {});
    await device.world.advance(1_000);
    const hold = JSON.stringify({ format: 'covey-hold/1', until, reason: 'the press runs' });
    const { disk } = device.machine;
    await disk.port(async (operation) => operation()).write(`${root}/hold.json`, Buffer.from(hold));
    await expect(held).rejects.toMatchObject({
      code: 'HELD_LOCALLY',
      message: 'held on the device: the press runs',
    });
    const before = device.network.bodyBytes;
    expect(before).toBeLessThan(150_000);
    await device.world.advance(3_600_000);
    await settle(device.world, device.fetch(one.digest));
    expect(device.network.bodyBytes).toBeLessThan(205_000 + chunkBytes);
  });

  it('waits as long as the controller says', async () => {
    const device = downloadDevice('retry-after');
    const refusal = JSON.stringify({ code: 'BUDGET_SPENT', message: 'site lab has spent it', remedy: '' });
    device.shelf.answer = () => ({
      status: 429,
      headers: { 'retry-after': '90' },
      body: Buffer.from(refusal),
    });
    const refused = settle(device.world, device.fetch(one.digest));
    await expect(refused).rejects.toMatchObject({
      code: 'BUDGET_SPENT',
      message: 'site lab has spent it',
      waitMs: 90_000,
    });
  });
});

describe('room on the disk', () => {
  it('is made by what nobody needs, the oldest first; what is needed stays, and the figures are said', async () => {
    const device = downloadDevice('room');
    device.shelf.add(one, two, other);
    await settle(device.world, device.fetch(one.digest));
    await settle(device.world, device.fetch(two.digest));
    const fetching = (needed: string[]) =>
      settle(device.world, device.fetch(other.digest, { needed, quotaBytes: 500_000 }));
    await expect(fetching([one.digest, two.digest])).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringContaining('needs 200000 bytes more; 400000'),
    });
    const store = await fetching([two.digest]);
    expect(store.present).toEqual([two.digest, other.digest].sort());
    expect(await store.isComplete(two.digest)).toBe(true);
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
