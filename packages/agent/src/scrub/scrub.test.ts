import { describe, expect, it } from 'vitest';
import { makeBundle, type Simulation, simulate } from '../simulation.fixture.ts';

const minuteMs = 60_000;

async function serving(seed: string, scrubBytesPerDay?: number): Promise<Simulation> {
  const device = simulate(seed, undefined, { ...(scrubBytesPerDay !== undefined && { scrubBytesPerDay }) });
  await device.enrol();
  device.want(1, [await device.publish(makeBundle('1.0.0'), 1)]);
  await device.boot();
  await device.untilSettled(1);
  return device;
}
const fileOf = (device: Simulation) => {
  const path = device.machine.disk.paths().find((name) => name.includes('/bundles/files/'));
  if (!path) throw new Error('a file lies in the store');
  return path;
};
const events = (device: Simulation, kind: string) =>
  device.controller.events.filter((event) => event.kind === kind).map(({ message }) => message);

describe('a medium that loses bits', () => {
  it('is found out in the course of a day, told, and mended by the damaged chunk, while what serves serves on', async () => {
    const device = await serving('scrub');
    const path = fileOf(device);
    device.machine.disk.damage(path, 150_000);
    await device.world.runUntil(() => events(device, 'bundle-repaired').length > 0, 86_400_000);
    expect(events(device, 'bundle-damaged')).toEqual([
      expect.stringMatching(/: 1 of \d+ chunks are damaged on the disk$/),
    ]);
    expect(device.servingVersions()).toEqual(['1.0.0']);
    expect(device.status().runtime.deaths).toBe(0);
    await device.world.advance(2 * 3_600_000);
    expect(events(device, 'bundle-damaged')).toHaveLength(1);
  });

  it('is mended when the network is back; until then what is in memory serves', async () => {
    const device = await serving('scrub-away');
    device.machine.disk.damage(fileOf(device), 5);
    device.http.isUp = false;
    await device.world.advance(2 * 3_600_000);
    expect(events(device, 'bundle-damaged')).toHaveLength(1);
    expect(events(device, 'bundle-repaired')).toEqual([]);
    expect(device.servingVersions()).toEqual(['1.0.0']);
    device.http.isUp = true;
    await device.world.runUntil(() => events(device, 'bundle-repaired').length > 0, 20 * minuteMs);
  });

  it('brings back a file that has gone', async () => {
    const device = await serving('scrub-gone');
    const path = fileOf(device);
    await device.machine.disk.port(async (operation) => operation()).remove(path);
    device.machine.killProcess();
    await device.boot();
    await device.world.runUntil(() => events(device, 'bundle-repaired').length > 0, 20 * minuteMs);
    expect(device.machine.disk.paths()).toContain(path);
  });

  it('reads every part of every file in time, also of a device that is started every few minutes', async () => {
    const device = await serving('scrub-starts', 200_000_000);
    device.machine.disk.damage(fileOf(device), 199_999);
    for (let starts = 0; starts < 30 && events(device, 'bundle-repaired').length === 0; starts++) {
      await device.boot();
      await device.world.advance(2.5 * minuteMs);
    }
    expect(events(device, 'bundle-repaired')).toHaveLength(1);
  });

  it('reads no more than it may in a day', async () => {
    // The file has 200,000 bytes: read in the first minute, and again after 58.
    const device = await serving('scrub-rate', 5_000_000);
    await device.world.advance(2 * minuteMs);
    device.machine.disk.damage(fileOf(device), 199_999);
    await device.world.advance(50 * minuteMs);
    expect(events(device, 'bundle-damaged')).toEqual([]);
    await device.world.advance(20 * minuteMs);
    expect(events(device, 'bundle-damaged')).toHaveLength(1);
  });
});
