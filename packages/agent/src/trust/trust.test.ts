import { type Bundle, sha256 } from '@covey/bundle';
import {
  encodeDocument,
  firstUpload,
  holdersOf,
  limitsField,
  nextTargets,
  parseMetadata,
  rootOf,
  type Signer,
  signDocument,
  type Targets,
  withDelegation,
  withTarget,
} from '@covey/bundle/tuf';
import type { Fetch } from '@covey/ports';
import { SimulatedDisk, simulatedWorld } from '@covey/ports/simulated';
import { CoveyError, type ModelVersionRef } from '@covey/protocol';
import { describe, expect, test } from 'vitest';
import { newSigner, online, publisher, rootSigner, TestRepository } from '../repository.fixture.ts';
import { makeBundle } from '../simulation.fixture.ts';
import { initialUpdate } from '../update/index.ts';
import { createTrust } from './trust.ts';

const dayMs = 86_400_000;
const folder = '/data/trust';

/** A device that asks a server which is honest until its files are replaced. */
async function newDevice(tags: Record<string, string> = {}) {
  const world = simulatedWorld('trust');
  const skew = { ms: 0 };
  const clock = { ...world.clock, now: () => world.clock.now() + skew.ms };
  const repository = new TestRepository(world.clock);
  const served: ReadonlyMap<string, Uint8Array>[] = [repository.files];
  const fetch: Fetch = async ({ url, maxBytes }) => {
    const name = new URL(url).pathname.slice('/trust/'.length);
    const body = served.at(-1)?.get(name);
    if (!body) return { status: 404, headers: {}, body: new Uint8Array() };
    if (body.byteLength > maxBytes) throw new CoveyError('PAYLOAD_TOO_LARGE', name);
    return { status: 200, headers: {}, body };
  };
  const disk = new SimulatedDisk(world.random('disk'), 1e8);
  const port = disk.port(async (operation) => operation());
  const ledger = { update: { ...initialUpdate, securityCounters: {} as Record<string, number> } };
  const urls = { mqttUrl: 'mqtts://controller:8883', deviceUrl: 'https://controller:8443' };
  const pems = { keyPem: 'key', certificatePem: 'certificate', caPem: 'ca' };
  const pinnedRoot = await repository.firstRoot();
  const identity = { deviceId: 'device-1', ...urls, tags, ...pems, pinnedRoot };
  const start = () => createTrust({ disk: port, fetch, clock }, { identity, folder, ledger });
  let trust = start();
  return {
    world,
    skew,
    repository,
    disk,
    ledger,
    /** What the server gives from now on. */
    serve: (files: ReadonlyMap<string, Uint8Array>) => served.push(files),
    restart: () => {
      trust = start();
    },
    heard: (now: number) => trust.heardTime(now),
    /** `ok`, or the code of the error. */
    authorize: (bundle: Bundle) =>
      trust.authorize(refOf(bundle), new AbortController().signal).then(
        () => 'ok',
        (error: unknown) => {
          if (error instanceof CoveyError) return error.code;
          throw error;
        },
      ),
  };
}

function refOf({ manifest, digest }: Bundle): ModelVersionRef {
  return { model: manifest.model, version: manifest.version, number: 1, bundle: digest };
}

const one = makeBundle('1.0.0');
const two = makeBundle('2.0.0');
const evil = makeBundle('6.6.6');

/** The targets of a role as they are in force. */
function targetsOf(repository: TestRepository, role: string): Targets {
  const metadata = repository.current.targets.get(role);
  if (!metadata) throw new Error(`nothing was published for ${role}`);
  return metadata.signed;
}

function listing(targets: Targets, { manifest, manifestBytes }: Bundle): Targets {
  const hashes = { sha256: sha256(manifestBytes) };
  const custom = { securityCounter: manifest.securityCounter };
  const target = { length: manifestBytes.byteLength, hashes, custom };
  return withTarget(targets, `${manifest.model}/${manifest.version}`, target);
}

/** Signs anything as the holder of these keys would. */
async function signedBy(signed: unknown, ...signers: Signer[]): Promise<Uint8Array> {
  return encodeDocument(await signDocument({ signed, signatures: [] }, signers));
}

/**
 * Whoever has broken into the controller: all it holds is the online key. It serves `files` with a snapshot and a timestamp of its
 * own making over them, as far ahead as it likes.
 */
async function withStolenOnlineKey(
  repository: TestRepository,
  files: Record<string, { version: number; bytes: Uint8Array }>,
  change: { timestamp?: object; snapshot?: object } = {},
): Promise<Map<string, Uint8Array>> {
  const { snapshot, timestamp } = repository.current.online;
  const version = snapshot.signed.version + 1;
  const listed = Object.entries(files).map(([role, file]) => [`${role}.json`, { version: file.version }]);
  const meta = { ...snapshot.signed.meta, ...Object.fromEntries(listed) };
  const newSnapshot = await signedBy({ ...snapshot.signed, version, meta, ...change.snapshot }, online);
  const newTimestamp = {
    ...timestamp.signed,
    version: timestamp.signed.version + 1,
    meta: { 'snapshot.json': { version } },
    ...change.timestamp,
  };
  const served = new Map(repository.files);
  for (const [role, file] of Object.entries(files)) served.set(`${file.version}.${role}.json`, file.bytes);
  served.set(`${version}.snapshot.json`, newSnapshot);
  return served.set('timestamp.json', await signedBy(newTimestamp, online));
}

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
    expect(await device.authorize(one)).toBe('ok');
    const kept = await device.disk.port(async (operation) => operation()).read(`${folder}/root.json`);
    expect(parseMetadata('root', kept ?? new Uint8Array()).signed.version).toBe(12);
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
