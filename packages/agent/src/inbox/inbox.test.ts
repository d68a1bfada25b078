import { describe, expect, test } from 'vitest';
import { makeBundle, type Simulation, simulate } from '../simulation.fixture.ts';
import { parcelName } from './inbox.ts';
import { alone, dayMs, ended, inboxOf, parcelOf, put, strangers, two, withParcel } from './parcel.fixture.ts';

describe('a parcel brought to a device that reaches nobody', () => {
  test('is installed as any version: probe, soak, commit; then the controller hears of it and goes on above it', async () => {
    const device = await alone('parcel');
    await device.repository.list(two);
    const asked = device.http.served.length;
    await put(device, parcelOf(two, device.repository.files));
    await ended(device);
    expect(device.status().reported).toMatchObject({ state: 'committed', proof: 'proven' });
    expect(device.servingVersions()).toEqual(['2.0.0']);
    expect(device.http.served.length).toBe(asked);
    device.broker.isUp = true;
    device.http.isUp = true;
    await device.world.advance(10 * 60_000);
    const { generation } = device.status().reported;
    expect(generation).toBeGreaterThan(2 ** 20);
    expect(device.controller.reports.at(-1)).toMatchObject({ generation, state: 'committed' });
    expect(device.controller.events.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['parcel-taken', 'parcel-done']),
    );
    device.want(generation + 1, [await device.publish(makeBundle('3.0.0'), 3)]);
    await device.untilSettled(generation + 1);
    expect(device.servingVersions()).toEqual(['3.0.0']);
  });

  test('of two, of which a power cut has left the older one, the one that was brought last is installed alone', async () => {
    const device = await alone('parcel/two');
    for (const bundle of [two, makeBundle('3.0.0')]) {
      await device.repository.list(bundle);
      const names = inboxOf(device).map((path) => path.slice(path.lastIndexOf('/') + 1));
      const bytes = parcelOf(bundle, device.repository.files);
      await put(device, bytes, parcelName(names, bundle.digest).replace('.parcel', ''));
    }
    expect(inboxOf(device)).toHaveLength(2);
    await ended(device);
    expect(device.servingVersions()).toEqual(['3.0.0']);
    expect(device.status().reported).toMatchObject({ state: 'committed', generation: 1 + 2 ** 20 });
  });

  test('goes on after a kill, and waits while somebody holds changes', async () => {
    const device = await alone('parcel/kill');
    await device.repository.list(two);
    const disk = device.machine.disk.port(async (operation) => operation());
    const hold = { format: 'covey-hold/1', until: device.world.clock.now() + 3_600_000, reason: '' };
    await disk.write('/data/covey/hold.json', Buffer.from(JSON.stringify(hold)));
    await put(device, parcelOf(two, device.repository.files));
    await device.world.runUntil(() => device.state() === 'deferred', 60_000);
    device.machine.killProcess();
    await device.boot();
    await device.world.advance(600_000);
    expect(device.status().reported).toMatchObject({ state: 'deferred', reason: { code: 'HELD_LOCALLY' } });
    await disk.remove('/data/covey/hold.json');
    await device.world.runUntil(() => device.state() === 'soaking', 600_000);
    device.machine.killProcess();
    await device.boot();
    await ended(device);
    expect(device.servingVersions()).toEqual(['2.0.0']);
  });

  test.each<[string, string, (device: Simulation) => Promise<Uint8Array>]>([
    ['a stranger has signed', 'TRUST_SIGNATURE', strangers],
    ['nobody has signed', 'TRUST_UNKNOWN', async ({ repository }) => parcelOf(two, repository.files)],
    [
      'has expired metadata',
      'TRUST_EXPIRED',
      async (device) => {
        await device.repository.list(two);
        device.machine.killProcess();
        await device.world.advance(10 * dayMs);
        await device.boot();
        await device.world.runUntil(() => device.servingVersions().length > 0, 60_000);
        return parcelOf(two, device.repository.files);
      },
    ],
    [
      'has a security counter that was passed',
      'SECURITY_COUNTER',
      async (device) => {
        const newer = makeBundle('1.5.0', { securityCounter: 5 });
        await device.repository.list(newer);
        await put(device, parcelOf(newer, device.repository.files));
        await ended(device);
        await device.repository.list(two);
        return parcelOf(two, device.repository.files);
      },
    ],
    [
      'replays older metadata',
      'TRUST_ROLLBACK',
      async (device) => {
        await device.repository.list(two);
        const older = new Map(device.repository.files);
        const newer = makeBundle('1.5.0');
        await device.repository.list(newer);
        await put(device, parcelOf(newer, device.repository.files));
        await ended(device);
        return parcelOf(two, older);
      },
    ],
    [
      'has a chunk that was tampered with',
      'BUNDLE_CORRUPT',
      async (device) => {
        await device.repository.list(two);
        const chunks = new Map([...two.chunks].map(([sha256, bytes]) => [sha256, Buffer.from(bytes)]));
        for (const bytes of chunks.values()) bytes[0] = (bytes[0] ?? 0) ^ 1;
        return parcelOf({ ...two, chunks }, device.repository.files);
      },
    ],
  ])('that %s is refused, and the next one is not kept from its turn', async (_what, code, bring) => {
    const device = await alone(`parcel/${code}`);
    const parcel = await bring(device);
    const before = device.servingVersions();
    await put(device, parcel);
    let seen: string | undefined;
    await device.world.runUntil(() => {
      seen ??= device.status().reported.reason?.code;
      return seen !== undefined;
    }, 60_000);
    expect(seen).toBe(code);
    await device.world.advance(60_000);
    expect(device.servingVersions()).toEqual(before);
    const good = makeBundle('4.0.0', { securityCounter: 9 });
    await device.repository.list(good);
    const disk = device.machine.disk.port(async (operation) => operation());
    await put(device, parcelOf(good, device.repository.files), 'next');
    await disk.remove('/data/covey/inbox/it.parcel');
    await ended(device);
    expect(device.servingVersions()).toEqual(['4.0.0']);
  });

  test('that a stranger has signed is done with at once: a file stays what it is', async () => {
    const device = await alone('parcel/stranger');
    await put(device, await strangers(device));
    await device.world.runUntil(() => device.state() === 'rejected', 120_000);
    await device.world.advance(120_000);
    expect(inboxOf(device)).toEqual([]);
    expect(device.status().reported).toMatchObject({
      state: 'rejected',
      reason: { code: 'TRUST_SIGNATURE' },
    });
  });

  test('is a first install, too: on a device that has never been connected', async () => {
    const device = simulate('parcel/first');
    await device.enrol();
    device.broker.isUp = false;
    device.http.isUp = false;
    await device.repository.list(two);
    await put(device, parcelOf(two, device.repository.files));
    await device.boot();
    await ended(device);
    expect(device.servingVersions()).toEqual(['2.0.0']);
    device.machine.cutPower();
    await device.boot();
    await device.world.runUntil(() => device.servingVersions().length > 0, 60_000);
    expect(device.servingVersions()).toEqual(['2.0.0']);
  });

  test('is taken by a device that has lost its identity, too: who signed it is known still', async () => {
    const device = await withParcel();
    device.machine.killProcess();
    for (const copy of ['identity-a', 'identity-b'])
      device.machine.disk.damage(`/data/covey/identity/${copy}`, 100);
    await device.boot();
    await ended(device);
    expect(device.servingVersions()).toEqual(['2.0.0']);
    expect(device.status()).toMatchObject({ deviceId: null, reported: { state: 'committed' } });
  });

  test('that comes while an order of the controller soaks waits for its end, and then has its turn', async () => {
    const device = await alone('parcel/soak');
    device.broker.isUp = true;
    device.http.isUp = true;
    device.traffic.requestsPerSecond = 0;
    const ordered = await device.publish(makeBundle('3.0.0'), 3);
    await device.repository.list(two);
    device.want(2, [ordered]);
    await device.world.runUntil(() => device.state() === 'soaking', 3_600_000);
    await put(device, parcelOf(two, device.repository.files));
    await device.world.advance(30_000);
    expect(device.status().reported).toMatchObject({ state: 'soaking', generation: 2 });
    expect(inboxOf(device)).toHaveLength(1);
    await device.untilSettled(2);
    expect(device.servingVersions()).toEqual(['3.0.0']);
    await ended(device);
    expect(device.servingVersions()).toEqual(['2.0.0']);
  });

  const ways = ['cut-before', 'cut-during', 'cut-after'] as const;
  test.each(ways)('comes through a power cut at whichever write (%s)', async (how) => {
    const whole = await withParcel();
    const before = whole.machine.disk.changes;
    await ended(whole);
    const changes = whole.machine.disk.changes - before;
    expect(changes).toBeGreaterThan(10);
    for (let cut = 1; cut <= changes; cut++) {
      // The short form cuts at each change in one of the three ways.
      if (process.env.COVEY_LONG === undefined && ways[cut % ways.length] !== how) continue;
      const device = await withParcel();
      const at = device.machine.disk.changes + cut;
      let hasCut = false;
      device.machine.disk.fault = (change) => {
        hasCut ||= change === at;
        return change === at ? how : 'none';
      };
      await device.world.runUntil(() => hasCut, 3 * dayMs);
      await device.boot();
      await device.world.runUntil(() => device.servingVersions().length > 0, 60_000);
      await ended(device);
      expect(device.servingVersions(), `cut at change ${cut}`).toEqual(['2.0.0']);
      expect(device.status().reported.state, `cut at change ${cut}`).toBe('committed');
    }
  });

  test('that is no parcel is removed, and an event says why', async () => {
    const device = await alone('parcel/none');
    await put(device, Buffer.from('holiday pictures'));
    await device.world.advance(10_000);
    expect(inboxOf(device)).toEqual([]);
    expect(device.state()).toBe('committed');
    device.broker.isUp = true;
    await device.world.advance(120_000);
    expect(device.controller.events).toContainEqual(expect.objectContaining({ kind: 'parcel-refused' }));
  });
});
