import {
  encodeDocument,
  firstUpload,
  holdersOf,
  limitsField,
  nextTargets,
  parseMetadata,
  rootOf,
  signDocument,
  type Targets,
  withDelegation,
} from '@covey/bundle/tuf';
import { describe, expect, test } from 'vitest';
import { newSigner, online, publisher, rootSigner, TestRepository } from '../repository.fixture.ts';
import { evil, folder, listing, newDevice, one, targetsOf, two } from './device.fixture.ts';
import { hasLearnedRoot } from './trust.ts';

describe('a key that is limited to one model and to canaries', () => {
  const ci = newSigner();
  const tags = { ring: 'canary' };

  async function withCi(deviceTags: Record<string, string>) {
    const device = await newDevice(deviceTags);
    await device.repository.list(one);
    const top = nextTargets(targetsOf(device.repository, 'targets'), device.world.clock.now());
    const role = { name: 'ci', keys: [ci.key], threshold: 1, paths: ['vibration/*'], limits: { tags } };
    const document = { signed: withDelegation(top, role), signatures: [] };
    await device.repository.publish({ targets: { targets: await signDocument(document, [publisher]) } });
    return device;
  }

  test('installs on canaries alone, until the publisher signs the version too', async () => {
    const canary = await withCi(tags);
    const other = await withCi({ ring: 'stable' });
    for (const device of [canary, other]) await device.repository.list(two, [ci]);
    expect(await canary.authorize(two)).toBe('ok');
    expect(await other.authorize(two)).toBe('TRUST_LIMITED');
    await other.repository.list(two);
    expect(await other.authorize(two)).toBe('ok');
  });

  test('cannot touch another model, nor replace what the publisher signed', async () => {
    const canary = await withCi(tags);
    const now = canary.world.clock.now();
    const other = { ...evil, manifest: { ...evil.manifest, model: 'other' } };
    const posing = { ...evil, manifest: { ...evil.manifest, version: '1.0.0' } };
    const signed = listing(listing(nextTargets(undefined, now), other), posing);
    const document = await signDocument({ signed, signatures: [] }, [ci]);
    await canary.repository.publish({ targets: { ci: document } });
    expect(await canary.authorize(other)).toBe('TRUST_UNKNOWN');
    expect(await canary.authorize(posing)).toBe('TRUST_UNKNOWN');
    expect(await canary.authorize(one)).toBe('ok');
  });

  test('cannot loosen its own limits by delegating on', async () => {
    const device = await withCi({ ring: 'stable' });
    const friend = newSigner();
    const role = { name: 'friend', keys: [friend.key], threshold: 1, paths: ['vibration/*'] };
    const signed = withDelegation(nextTargets(undefined, device.world.clock.now()), role);
    const document = await signDocument({ signed, signatures: [] }, [ci]);
    await device.repository.publish({ targets: { ci: document } });
    const listed = listing(nextTargets(undefined, device.world.clock.now()), two);
    const byFriend = await signDocument({ signed: listed, signatures: [] }, [friend]);
    await device.repository.publish({ targets: { friend: byFriend } });
    expect(await device.authorize(two)).toBe('TRUST_LIMITED');
  });

  test('limits that cannot be understood make the whole document unreadable, not unlimited', () => {
    const role = { name: 'ci', keys: [ci.key], threshold: 1, paths: ['*/*'], limits: { tags } };
    const good = withDelegation(nextTargets(undefined, 0), role);
    const bad = structuredClone(good);
    Object.assign(bad.delegations?.roles?.[0] ?? {}, { [limitsField]: { until: 'tomorrow' } });
    const encode = (signed: Targets) => encodeDocument({ signed, signatures: [] });
    expect(parseMetadata('targets', encode(good)).signed).toEqual(good);
    expect(() => parseMetadata('targets', encode(bad))).toThrow(
      expect.objectContaining({ code: 'TRUST_MALFORMED' }),
    );
  });
});

describe('thresholds and rotation', () => {
  test('two of three keys sign for a model; one is not enough, and a key that went counts no more', async () => {
    const device = await newDevice();
    const [a, b, c] = [newSigner(), newSigner(), newSigner()];
    const top = nextTargets(targetsOf(device.repository, 'targets'), device.world.clock.now());
    const team = { name: 'vibration', keys: [a.key, b.key, c.key], threshold: 2, paths: ['vibration/*'] };
    const delegating = await signDocument({ signed: withDelegation(top, team), signatures: [] }, [publisher]);
    await device.repository.publish({ targets: { targets: delegating } });
    await expect(device.repository.list(one, [a])).rejects.toMatchObject({ code: 'TRUST_SIGNATURE' });
    await device.repository.list(one, [a, c]);
    expect(await device.authorize(one)).toBe('ok');
    const without = withDelegation(nextTargets(targetsOf(device.repository, 'targets'), 0), {
      ...team,
      keys: [a.key, b.key],
    });
    const expires = targetsOf(device.repository, 'targets').expires;
    const document = await signDocument({ signed: { ...without, expires }, signatures: [] }, [publisher]);
    await expect(device.repository.publish({ targets: { targets: document } })).rejects.toMatchObject({
      code: 'TRUST_SIGNATURE',
    });
    const again = nextTargets(targetsOf(device.repository, 'vibration'), device.world.clock.now());
    const resigned = await signDocument({ signed: again, signatures: [] }, [a, b]);
    await device.repository.publish({ targets: { targets: document, vibration: resigned } });
    expect(await device.authorize(one)).toBe('ok');
  });

  test('a device that slept through rotations follows them one by one', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    let holder = rootSigner;
    for (let version = 2; version <= 12; version++) {
      const next = newSigner();
      const { root } = device.repository.current;
      const held = { ...rolesOf(root.signed), root: { keys: [next.key], threshold: 1 } };
      const signed = rootOf(held, device.world.clock.now(), root.signed);
      await device.repository.publish({
        roots: [await signDocument({ signed, signatures: [] }, [holder, next])],
      });
      holder = next;
    }
    const disk = device.disk.port(async (operation) => operation());
    expect(await hasLearnedRoot(disk, folder)).toBe(false);
    expect(await device.authorize(one)).toBe('ok');
    const kept = await disk.read(`${folder}/root.json`);
    expect(parseMetadata('root', kept ?? new Uint8Array()).signed.version).toBe(12);
    expect(await hasLearnedRoot(disk, folder)).toBe(true);
    device.disk.damage(`${folder}/root.json`, 0);
    expect(await hasLearnedRoot(disk, folder)).toBe(false);
  });

  test('another publisher’s root is not the one that was pinned', async () => {
    const device = await newDevice();
    await device.repository.list(one);
    const stranger = newSigner();
    const held = { signers: [stranger], threshold: 1 };
    const upload = await firstUpload({ root: held, targets: held }, online.key, device.world.clock.now());
    const foreign = new TestRepository(device.world.clock);
    await foreign.publish(upload);
    await foreign.list(evil, [stranger]);
    device.serve(foreign.files);
    expect(await device.authorize(evil)).toBe('TRUST_SIGNATURE');
  });
});

function rolesOf(root: Parameters<typeof holdersOf>[0]) {
  return {
    root: holdersOf(root, 'root'),
    targets: holdersOf(root, 'targets'),
    snapshot: holdersOf(root, 'snapshot'),
    timestamp: holdersOf(root, 'timestamp'),
  };
}
