import { describe, expect, it } from 'vitest';
import { makeBundle, type Simulation, withFirstVersion } from '../simulation.fixture.ts';

const hourMs = 3_600_000;
const root = '/data/covey';

const say = ({ machine }: Simulation, name: string, document: unknown) =>
  machine.disk
    .port(async (operation) => operation())
    .write(`${root}/${name}`, Buffer.from(JSON.stringify(document)));
const reasons = ({ controller }: Simulation) => [
  ...new Set(
    controller.reports.filter(({ state }) => state === 'deferred').map(({ reason }) => reason?.code),
  ),
];

describe('an update that may not go on', () => {
  it('waits for its window, is reported as deferred, and commits in it', async () => {
    const device = await withFirstVersion('window');
    const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
    const windows = [{ days: [...days], start: '02:00', durationMinutes: 60 }];
    const opens = Date.parse('2026-01-01T02:00:00Z');
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)], 'rollout', { windows });
    await device.world.runUntil(() => device.state() === 'deferred', 60_000);
    expect(device.status().reported.reason?.message).toContain('(until 2026-01-01T02:00:00.000Z)');
    await device.world.runUntil(() => device.state() !== 'deferred', 24 * hourMs);
    // It looks in between, and sees the window closed.
    while (device.world.clock.now() < opens - 1_000) await device.world.advance(60_000);
    expect(device.servingVersions()).toEqual(['1.0.0']);
    await device.untilSettled(2);
    expect(device.world.clock.now()).toBeLessThan(opens + hourMs);
    expect(device.status().reported.state).toBe('committed');
    expect(reasons(device)).toEqual(['OUTSIDE_WINDOW']);
  });

  it('downloads before the window where it may, and changes nothing', async () => {
    const device = await withFirstVersion('early');
    const windows = [{ days: ['thu' as const], start: '03:00', durationMinutes: 60 }];
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)], 'rollout', {
      windows,
      outsideWindows: 'download',
    });
    await device.world.runUntil(() => device.state() === 'deferred', 60_000);
    const served = device.http.served.length;
    device.http.isUp = false;
    await device.untilSettled(2);
    expect(device.status().reported.state).toBe('committed');
    expect(device.http.served).toHaveLength(served);
    expect(device.world.clock.now()).toBeGreaterThan(Date.parse('2026-01-01T03:00:00Z'));
  });

  it('is held up on the device, goes on within seconds of its release, or when the deadline is over', async () => {
    const device = await withFirstVersion('veto');
    const until = device.world.clock.now() + 10 * hourMs;
    const hold = { format: 'covey-hold/1', until, reason: 'the press runs' };
    await say(device, 'hold.json', hold);
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)]);
    await device.world.runUntil(() => device.state() === 'deferred', 60_000);
    await device.world.advance(3 * hourMs);
    expect(device.servingVersions()).toEqual(['1.0.0']);
    await say(device, 'hold.json', { ...hold, until: device.world.clock.now() });
    await device.world.runUntil(() => device.state() !== 'deferred', 10_000);
    await device.untilSettled(2);
    expect(device.servingVersions()).toEqual(['2.0.0']);
    await say(device, 'hold.json', hold);
    const ordered = device.world.clock.now();
    device.want(3, [await device.publish(makeBundle('3.0.0'), 3)], 'rollout', { vetoDeadlineMs: hourMs });
    await device.untilSettled(3);
    expect(device.servingVersions()).toEqual(['3.0.0']);
    expect(device.world.clock.now() - ordered).toBeGreaterThan(hourMs);
    expect(device.world.clock.now()).toBeLessThan(until);
    expect(reasons(device)).toEqual(['HELD_LOCALLY']);
  });

  it('waits for a link that is not metered; a file that nobody can read is taken for the careful answer', async () => {
    const device = await withFirstVersion('metered');
    await say(device, 'network.json', 'nonsense');
    await say(device, 'hold.json', { until: 'tomorrow' });
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)], 'rollout', { meteredLink: 'nothing' });
    await device.world.runUntil(() => device.state() === 'deferred', 60_000);
    expect(device.status().reported.reason).toMatchObject({
      code: 'HELD_LOCALLY',
      message: expect.stringContaining('hold.json'),
    });
    const hold = { format: 'covey-hold/1', until: 0, reason: '' };
    await say(device, 'hold.json', hold);
    await device.world.runUntil(() => device.status().reported.reason?.code === 'METERED_LINK', 60_000);
    await say(device, 'network.json', { format: 'covey-network/1', metered: false });
    await device.untilSettled(2);
    expect(device.status().reported.state).toBe('committed');
  });

  it('starts at its moment of the spread, and a way back does not wait', async () => {
    const device = await withFirstVersion('spread');
    const [one] = device.controller.desired?.release.models ?? [];
    device.want(2, [await device.publish(makeBundle('2.0.0'), 2)], 'rollout', { spreadMs: hourMs });
    await device.world.runUntil(() => device.state() === 'deferred', 60_000);
    expect(device.status().reported.reason?.code).toBe('START_SPREAD');
    await device.untilSettled(2, hourMs + 600_000);
    device.want(3, one ? [one] : [], 'rollback');
    await device.untilSettled(3, 600_000);
    expect(device.servingVersions()).toEqual(['1.0.0']);
  });
});
