import { describe, expect, test } from 'vitest';
import { dayMs, folder, newDevice, one, refOf, two } from './device.fixture.ts';

describe('devices without a trustworthy clock', () => {
  const since1970 = (device: Awaited<ReturnType<typeof newDevice>>) => {
    device.skew.ms = -device.world.clock.now();
  };

  test('a clock that stands in 1970 does not make old metadata fresh: what was seen is a floor', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    const old = new Map(device.repository.files);
    await device.world.advance(30 * dayMs);
    await device.repository.renew();
    since1970(device);
    device.serve(device.repository.files);
    expect(await device.authorize(one)).toBe('ok');
    const snapshotOnly = new Map(old).set(
      'timestamp.json',
      device.repository.files.get('timestamp.json') ?? new Uint8Array(),
    );
    device.serve(snapshotOnly);
    device.restart();
    expect(await device.authorize(one)).toBe('ok');
    device.serve(old);
    expect(await device.authorize(one)).toBe('TRUST_ROLLBACK');
  });

  test('the floor goes on while the device runs, so that a week is noticed without a clock', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    expect(await device.authorize(one)).toBe('ok');
    device.restart();
    since1970(device);
    const frozen = new Map(device.repository.files);
    device.serve(frozen);
    await device.world.advance(6 * dayMs);
    expect(await device.authorize(one)).toBe('ok');
    await device.world.advance(1.1 * dayMs);
    expect(await device.authorize(one)).toBe('TRUST_EXPIRED');
  });

  test('the controller’s time moves a clock forward, never back, and is forgotten at the next start', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    const now = device.world.clock.now();
    device.heard(0);
    expect(await device.authorize(one)).toBe('ok');
    device.heard(now + 8 * dayMs);
    expect(await device.authorize(one)).toBe('TRUST_EXPIRED');
    device.heard(now);
    expect(await device.authorize(one)).toBe('ok');
    device.heard(now + 8 * dayMs);
    device.restart();
    expect(await device.authorize(one)).toBe('ok');
  });

  test('a clock that runs ahead keeps from installing, and is no harm once it is right again', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    device.skew.ms = 400 * dayMs;
    expect(await device.authorize(one)).toBe('TRUST_EXPIRED');
    device.skew.ms = 0;
    expect(await device.authorize(one)).toBe('ok');
  });
});

describe('what is kept', () => {
  test('survives a power cut at every write: the next attempt goes on, and takes nothing it should not', async () => {
    for (const how of ['cut-before', 'cut-during', 'cut-after'] as const) {
      for (let at = 1; at <= 6; at++) {
        const device = await newDevice();
        await device.repository.list(one);
        const before = new Map(device.repository.files);
        expect(await device.authorize(one)).toBe('ok');
        await device.repository.list(two);
        device.serve(device.repository.files);
        const first = device.disk.changes;
        let isCut = false;
        device.disk.fault = (change) => {
          if (change - first !== at) return 'none';
          isCut = true;
          return how;
        };
        await device.authorize(two).catch(() => 'cut');
        device.disk.fault = () => 'none';
        if (!isCut) break;
        device.disk.powerCut();
        device.restart();
        expect(await device.authorize(two)).toBe('ok');
        device.serve(before);
        expect(await device.authorize(one)).toBe('TRUST_ROLLBACK');
      }
    }
  });

  test('a damaged file is fetched again; a damaged root is made again from the pinned one', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    expect(await device.authorize(one)).toBe('ok');
    const files = device.disk.paths().filter((path) => path.startsWith(folder));
    expect(files.map((path) => path.slice(folder.length + 1))).toEqual([
      'snapshot.json',
      'targets.json',
      'timestamp.json',
      'vibration.json',
    ]);
    for (const path of files) {
      device.disk.damage(path, 30);
      device.restart();
      expect(await device.authorize(one)).toBe('ok');
    }
  });

  test('what was committed is authorized for ever: going back needs neither network nor fresh metadata', async () => {
    const device = await newDevice();
    const release = { id: 'a'.repeat(64), models: [refOf(one)] };
    device.ledger.update = {
      ...device.ledger.update,
      previous: { release, choices: [], proof: 'proven' },
    };
    device.serve(new Map());
    expect(await device.authorize(one)).toBe('ok');
    expect(await device.authorize(two)).toBe('TRUST_INCONSISTENT');
  });
});
