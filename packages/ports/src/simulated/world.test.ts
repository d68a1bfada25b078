import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SimulatedDisk } from './disk.ts';
import { simulatedWorld } from './world.ts';

describe('the simulated world', () => {
  it('runs timers by time, then in the order they were set, and none that was cancelled', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(20), fc.boolean())), async (timers) => {
        const { clock, advance } = simulatedWorld('order');
        const ran: [number, number][] = [];
        timers.forEach(([delayMs, isCancelled], index) => {
          const timer = clock.setTimer(delayMs, () => ran.push([clock.monotonicMs(), index]));
          if (isCancelled) timer.cancel();
        });
        await advance(20);
        const expected = timers.flatMap(([delayMs, isCancelled], index) =>
          isCancelled ? [] : [[delayMs, index]],
        );
        expect(ran).toEqual(expected.sort(([a = 0], [b = 0]) => a - b));
        expect(clock.monotonicMs()).toBe(20);
      }),
    );
  });

  it('draws the same numbers from the same seed, and others from another', () => {
    const draw = (seed: number) => simulatedWorld(seed).random('a').bytes(16);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('keeps what was synced over any power cut, and of the rest a prefix, zeros or nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(50), fc.nat(50), async (seed, synced, unsynced) => {
        const disk = new SimulatedDisk(simulatedWorld(seed).random('disk'), 1_000);
        const port = disk.port(async (operation) => operation());
        await port.append('/file', Buffer.alloc(synced, 1), { sync: true });
        await port.append('/file', Buffer.alloc(unsynced, 2), { sync: false });
        disk.powerCut();
        const left = (await port.read('/file')) ?? new Uint8Array(0);
        expect([...left.subarray(0, synced)]).toEqual(Array(synced).fill(1));
        expect(left.byteLength).toBeLessThanOrEqual(synced + unsynced);
        await expect(port.write('/other', Buffer.alloc(1_001))).rejects.toMatchObject({ code: 'DISK_FULL' });
      }),
    );
  });
});
