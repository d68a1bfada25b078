import { describe, expect, it } from 'vitest';
import { makeBundle, withFirstVersion } from './simulation.fixture.ts';

/** Unit tests take the short form; `npm run long` sets COVEY_LONG. */
const isLong = process.env.COVEY_LONG !== undefined;
const ways = ['cut-before', 'cut-during', 'cut-after'] as const;

describe('a device is never worse off', () => {
  it.each(ways)('whichever write the power is cut at (%s)', async (how) => {
    const changes = await changesOfAnUpdate();
    expect(changes).toBeGreaterThan(10);
    // The short form cuts at each change in one of the three ways.
    for (let cut = 1; cut <= changes; cut++)
      if (isLong || ways[cut % ways.length] === how) await survivesACutAt(cut, how);
  });
});

async function changesOfAnUpdate(): Promise<number> {
  const device = await withFirstVersion('cut');
  const before = device.machine.disk.changes;
  device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
  await device.untilSettled(2);
  return device.machine.disk.changes - before;
}

async function survivesACutAt(cut: number, how: (typeof ways)[number]): Promise<void> {
  const device = await withFirstVersion('cut');
  const at = device.machine.disk.changes + cut;
  let hasCut = false;
  device.machine.disk.fault = (change) => {
    if (change !== at) return 'none';
    hasCut = true;
    return how;
  };
  device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
  await device.world.runUntil(() => hasCut, 10 * 60_000);
  const what = `power cut at change ${cut}, ${how}`;
  // Nobody is in reach: what served must serve again, from the disk alone.
  device.broker.isUp = false;
  device.http.isUp = false;
  await device.boot();
  await device.world.runUntil(() => device.servingVersions().length > 0, 60_000);
  device.broker.isUp = true;
  device.http.isUp = true;
  await device.untilSettled(2);
  expect(device.status().reported.state, what).toBe('committed');
  expect(device.servingVersions(), what).toEqual(['2.0.0']);
  await device.world.advance(10 * 60_000);
  expect(device.controller.reusedSeq, what).toEqual([]);
  expect(device.controller.receipt().missing, what).toEqual([]);
  expect(device.controller.reports.at(-1), what).toEqual(device.status().reported);
}
