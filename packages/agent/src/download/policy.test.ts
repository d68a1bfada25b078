import { describe, expect, it } from 'vitest';
import { bundleOf, downloadDevice, isOnDisk, murmur, root, settle } from './download.fixture.ts';

const sizeBytes = 200_000;
const one = bundleOf('1.0.0', murmur('first', sizeBytes));
const two = bundleOf('2.0.0', murmur('second', sizeBytes), '2026-02-01T00:00:00Z');
const other = bundleOf('3.0.0', murmur('other', sizeBytes), '2026-03-01T00:00:00Z');
/** What a stop may cost of what came. */
const lostBytes = 64 * 1024;

describe('policy on the way', () => {
  it('keeps to a rate', async () => {
    const device = downloadDevice('rate');
    device.shelf.add(one);
    const from = device.world.clock.monotonicMs();
    await settle(device.world, device.fetch(one.digest, { policy: { device: { bytesPerSecond: 20_000 } } }));
    const tookMs = device.world.clock.monotonicMs() - from;
    expect(tookMs).toBeGreaterThan(4_000);
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
    expect(await isOnDisk(device, one)).toBe(true);
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
      message: expect.stringMatching(/^held on the device: the press runs \(until 2026-01-01T01:00:0/),
    });
    const before = device.network.bodyBytes;
    expect(before).toBeLessThan(120_000);
    await device.world.advance(3_600_000);
    await settle(device.world, device.fetch(one.digest));
    expect(device.network.bodyBytes).toBeLessThan(0.77 * sizeBytes + 5_000 + lostBytes);
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
