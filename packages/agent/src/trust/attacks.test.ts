import { holdersOf, nextTargets, rootOf, signDocument, withDelegation } from '@covey/bundle/tuf';
import { describe, expect, test } from 'vitest';
import { newSigner, online, rootSigner } from '../repository.fixture.ts';
import { makeBundle } from '../simulation.fixture.ts';
import {
  dayMs,
  evil,
  listing,
  newDevice,
  one,
  signedBy,
  targetsOf,
  two,
  withStolenOnlineKey,
} from './device.fixture.ts';

describe('who has broken into the controller, and holds the online key', () => {
  test('cannot install: nobody else’s signature makes a version', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    expect(await device.authorize(one)).toBe('ok');
    const signed = listing(
      nextTargets(targetsOf(device.repository, 'vibration'), device.world.clock.now()),
      evil,
    );
    for (const signers of [[online], [newSigner()], []]) {
      const bytes = await signedBy(signed, ...signers);
      device.serve(await withStolenOnlineKey(device.repository, { vibration: { version: 2, bytes } }));
      expect(await device.authorize(evil)).toBe('TRUST_SIGNATURE');
    }
    expect(await device.authorize(evil)).toBe('TRUST_SIGNATURE');
  });

  test('cannot make itself publisher: a root or a delegation of its own is refused', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    const { root } = device.repository.current;
    const own = { keys: [online.key], threshold: 1 };
    const holders = { root: own, targets: own, snapshot: own, timestamp: own };
    const forged = await signedBy(rootOf(holders, device.world.clock.now(), root.signed), online);
    device.serve(new Map(device.repository.files).set('2.root.json', forged));
    expect(await device.authorize(one)).toBe('TRUST_SIGNATURE');
    const top = nextTargets(targetsOf(device.repository, 'targets'), device.world.clock.now());
    const delegating = withDelegation(top, { ...own, name: 'mine', paths: ['vibration/*'] });
    const version = delegating.version;
    const files = { targets: { version, bytes: await signedBy(delegating, online) } };
    device.serve(await withStolenOnlineKey(device.repository, files));
    expect(await device.authorize(evil)).toBe('TRUST_SIGNATURE');
  });

  test('cannot replay: older metadata of any role is refused once newer was seen', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    const before = new Map(device.repository.files);
    await device.repository.list(two);
    expect(await device.authorize(two)).toBe('ok');
    device.serve(before);
    expect(await device.authorize(one)).toBe('TRUST_ROLLBACK');
    const old = { version: 1, bytes: before.get('1.vibration.json') ?? new Uint8Array() };
    device.serve(await withStolenOnlineKey(device.repository, { vibration: old }));
    expect(await device.authorize(one)).toBe('TRUST_ROLLBACK');
    const dropped = { snapshot: { meta: { 'targets.json': { version: 2 } } } };
    device.serve(await withStolenOnlineKey(device.repository, {}, dropped));
    expect(await device.authorize(one)).toBe('TRUST_ROLLBACK');
  });

  test('cannot mix: a file under another version or role is refused', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    await device.repository.list(two);
    const older = device.repository.files.get('1.vibration.json') ?? new Uint8Array();
    device.serve(await withStolenOnlineKey(device.repository, { vibration: { version: 3, bytes: older } }));
    expect(await device.authorize(one)).toBe('TRUST_INCONSISTENT');
    const another = await newDevice();
    await another.repository.list(one);
    await another.repository.list(two);
    const top = another.repository.files.get('2.targets.json') ?? new Uint8Array();
    another.serve(await withStolenOnlineKey(another.repository, { vibration: { version: 2, bytes: top } }));
    // Here one key signs both roles: only what they list tells them apart, and a target is never listed by another's path.
    expect(await another.authorize(one)).toBe('TRUST_UNKNOWN');
  });

  test('can hold the fleet at what it has, but not for longer than the publisher signed for', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    const frozen = async () => {
      const expires = new Date(device.world.clock.now() + 7 * dayMs).toISOString().slice(0, 19);
      const change = { expires: `${expires}Z` };
      return withStolenOnlineKey(device.repository, {}, { timestamp: change, snapshot: change });
    };
    await device.world.advance(100 * dayMs);
    device.serve(await frozen());
    expect(await device.authorize(one)).toBe('ok');
    await device.world.advance(266 * dayMs);
    device.serve(await frozen());
    expect(await device.authorize(one)).toBe('TRUST_EXPIRED');
  });

  test('cannot lock the fleet out for good: versions run ahead are forgotten with the key that signed them', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    const far = Number.MAX_SAFE_INTEGER;
    const change = { timestamp: { version: far, 'x-covey-signed-at': far } };
    device.serve(await withStolenOnlineKey(device.repository, {}, change));
    expect(await device.authorize(one)).toBe('ok');
    device.serve(device.repository.files);
    device.restart();
    expect(await device.authorize(one)).not.toBe('ok');
    const next = newSigner();
    const { root } = device.repository.current;
    const byNext = { keys: [next.key], threshold: 1 };
    const holders = {
      root: holdersOf(root.signed, 'root'),
      targets: holdersOf(root.signed, 'targets'),
      snapshot: byNext,
      timestamp: byNext,
    };
    const signed = rootOf(holders, device.world.clock.now(), root.signed);
    const rotated = await signDocument({ signed, signatures: [] }, [rootSigner]);
    await device.repository.publish({ roots: [rotated] }, next);
    device.serve(device.repository.files);
    expect(await device.authorize(one)).toBe('ok');
  });

  test('cannot go below the security counter', async () => {
    const device = await newDevice();
    const old = makeBundle('0.9.0', { securityCounter: 4 });
    await device.repository.list(old);
    device.ledger.update.securityCounters.vibration = 5;
    expect(await device.authorize(old)).toBe('SECURITY_COUNTER');
  });

  test('cannot exhaust the device: what is too large, too deep or endless is refused before it is read', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    const huge = Buffer.alloc(20_000, ' ');
    device.serve(new Map(device.repository.files).set('timestamp.json', huge));
    expect(await device.authorize(one)).toBe('PAYLOAD_TOO_LARGE');
    const deep = Buffer.from(`${'['.repeat(5_000)}${']'.repeat(5_000)}`);
    device.serve(new Map(device.repository.files).set('timestamp.json', deep));
    expect(await device.authorize(one)).toBe('TRUST_MALFORMED');
    const endless = { get: (name: string) => (name.endsWith('root.json') ? Buffer.from('{}') : undefined) };
    device.serve(endless as ReadonlyMap<string, Uint8Array>);
    expect(await device.authorize(one)).toBe('TRUST_MALFORMED');
  });
});

describe('who only stands in between, with no key', () => {
  test('can hold a device for a week at most, running or not', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    expect(await device.authorize(one)).toBe('ok');
    const frozen = new Map(device.repository.files);
    device.serve(frozen);
    await device.world.advance(6 * dayMs);
    expect(await device.authorize(one)).toBe('ok');
    await device.world.advance(1.1 * dayMs);
    expect(await device.authorize(one)).toBe('TRUST_EXPIRED');
  });

  test('cannot change a byte', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    for (const name of ['timestamp.json', '2.snapshot.json', '2.targets.json', '1.vibration.json']) {
      const bytes = Buffer.from(device.repository.files.get(name) ?? []);
      const at = bytes.indexOf('"version":') + '"version":'.length;
      bytes[at] = (bytes[at] ?? 0) + 1;
      device.serve(new Map(device.repository.files).set(name, bytes));
      expect(await device.authorize(one)).toMatch(/^TRUST_(SIGNATURE|INCONSISTENT)$/);
    }
    device.serve(device.repository.files);
    expect(await device.authorize(one)).toBe('ok');
  });
});
