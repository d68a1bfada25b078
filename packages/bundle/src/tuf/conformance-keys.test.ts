import { describe, expect, test } from 'vitest';
import { bothOk, bothRefuse, Clients } from './clients.fixture.ts';
import { keyIdOf, type Signer } from './keys.ts';
import { newSigner } from './simulated-repository.fixture.ts';

/* After test_keys and test_updater_key_rotations of the public TUF conformance suite, our client beside tuf-js. */

interface KeyCase {
  keys: number[];
  threshold: number;
  sigs: number[];
  refused?: true;
}

const rootRotations: Record<string, KeyCase[]> = {
  '1-of-1-key-rotation': [
    { keys: [1], threshold: 1, sigs: [1] },
    { keys: [2], threshold: 1, sigs: [2, 1] },
    { keys: [2], threshold: 1, sigs: [2] },
  ],
  '1-of-1-key-rotation-unused-signatures': [
    { keys: [1], threshold: 1, sigs: [3, 1, 4] },
    { keys: [2], threshold: 1, sigs: [3, 2, 1, 4] },
    { keys: [2], threshold: 1, sigs: [3, 2, 4] },
  ],
  '3-of-5-sign-with-different-keycombos': [
    { keys: [0, 1, 2, 3, 4], threshold: 3, sigs: [0, 2, 4] },
    { keys: [0, 1, 2, 3, 4], threshold: 3, sigs: [0, 4, 1] },
    { keys: [0, 1, 2, 3, 4], threshold: 3, sigs: [0, 1, 3] },
  ],
  '3-of-5-one-key-rotated': [
    { keys: [0, 1, 2, 3, 4], threshold: 3, sigs: [0, 2, 4] },
    { keys: [0, 1, 3, 4, 5], threshold: 3, sigs: [0, 4, 1] },
  ],
  '3-of-5-one-key-rotated-with-intermediate-step': [
    { keys: [0, 1, 2, 3, 4], threshold: 3, sigs: [0, 2, 4] },
    { keys: [0, 1, 3, 4, 5], threshold: 3, sigs: [0, 2, 4, 5] },
    { keys: [0, 1, 3, 4, 5], threshold: 3, sigs: [0, 4, 5] },
  ],
  '3-of-5-all-keys-rotated-with-intermediate-step': [
    { keys: [0, 1, 2, 3, 4], threshold: 3, sigs: [0, 2, 4] },
    { keys: [5, 6, 7, 8, 9], threshold: 3, sigs: [0, 2, 4, 5, 6, 7] },
    { keys: [5, 6, 7, 8, 9], threshold: 3, sigs: [5, 6, 7] },
  ],
  '1-of-3-threshold-increase-to-2-of-3': [
    { keys: [1, 2, 3], threshold: 1, sigs: [1] },
    { keys: [1, 2, 3], threshold: 2, sigs: [1, 2] },
  ],
  '2-of-3-threshold-decrease-to-1-of-3': [
    { keys: [1, 2, 3], threshold: 2, sigs: [1, 2] },
    { keys: [1, 2, 3], threshold: 1, sigs: [1, 2] },
    { keys: [1, 2, 3], threshold: 1, sigs: [1] },
  ],
  '1-of-2-threshold-increase-to-2-of-2': [
    { keys: [1], threshold: 1, sigs: [1] },
    { keys: [1, 2], threshold: 2, sigs: [1, 2] },
  ],
  '1-of-1-key-rotation-fail-not-signed-with-old-key': [
    { keys: [1], threshold: 1, sigs: [1] },
    { keys: [2], threshold: 1, sigs: [2, 3, 4], refused: true },
  ],
  '1-of-1-key-rotation-fail-not-signed-with-new-key': [
    { keys: [1], threshold: 1, sigs: [1] },
    { keys: [2], threshold: 1, sigs: [1, 3, 4], refused: true },
  ],
  '3-of-5-one-key-rotate-fails-not-signed-with-3-new-keys': [
    { keys: [0, 1, 2, 3, 4], threshold: 3, sigs: [0, 2, 4] },
    { keys: [0, 1, 3, 4, 5], threshold: 3, sigs: [0, 2, 4], refused: true },
  ],
  '3-of-5-one-key-rotate-fails-not-signed-with-3-old-keys': [
    { keys: [0, 1, 2, 3, 4], threshold: 3, sigs: [0, 2, 4] },
    { keys: [0, 1, 3, 4, 5], threshold: 3, sigs: [0, 4, 5], refused: true },
  ],
  '1-of-3-threshold-bump-to-2-of-3-fails-new-threshold-not-reached': [
    { keys: [1, 2, 3], threshold: 1, sigs: [1] },
    { keys: [1, 2, 3], threshold: 2, sigs: [2], refused: true },
  ],
  '2-of-3-threshold-decr-to-1-of-3-fails-old-threshold-not-reached': [
    { keys: [1, 2, 3], threshold: 2, sigs: [1, 2] },
    { keys: [1, 2, 3], threshold: 1, sigs: [1], refused: true },
  ],
};

const otherRotations: Record<string, KeyCase> = {
  '1-of-1-key-rotation': { keys: [2], threshold: 1, sigs: [2] },
  '1-of-1-key-rotation-unused-signatures': { keys: [1], threshold: 1, sigs: [3, 1, 4] },
  '1-of-1-key-rotation-fail-not-signed-with-new-key': {
    keys: [2],
    threshold: 1,
    sigs: [1, 3, 4],
    refused: true,
  },
  '3-of-5-one-key-signature-wrong-not-signed-with-3-expected-keys': {
    keys: [0, 1, 3, 4, 5],
    threshold: 3,
    sigs: [0, 2, 4],
    refused: true,
  },
  '2-of-5-one-key-signature-missing-threshold-not-reached': {
    keys: [0, 1, 3, 4, 5],
    threshold: 3,
    sigs: [0, 4],
    refused: true,
  },
  '3-of-5-sign-first-combo': { keys: [0, 1, 2, 3, 4], threshold: 3, sigs: [0, 2, 4] },
  '3-of-5-sign-second-combo': { keys: [0, 1, 2, 3, 4], threshold: 3, sigs: [0, 4, 1] },
  '3-of-5-sign-third-combo': { keys: [0, 1, 2, 3, 4], threshold: 3, sigs: [0, 1, 3] },
  '3-of-5-sign-fourth-combo': { keys: [0, 1, 2, 3, 4], threshold: 3, sigs: [1, 2, 3] },
  '3-of-5-sign-fifth-combo': { keys: [0, 1, 2, 3, 4], threshold: 3, sigs: [2, 3, 4] },
};

// Both kinds of keys, so that one may follow the other.
const pool = Array.from({ length: 10 }, (_, index) => newSigner(index % 2 === 0 ? 'ed25519' : 'ecdsa-p256'));
const from = (indices: number[]): Signer[] => indices.flatMap((index) => pool[index] ?? []);

async function startWith(
  role: 'root' | 'timestamp' | 'snapshot' | 'targets',
  { keys, threshold, sigs }: KeyCase,
) {
  return (clients: Clients) => {
    const { root, signers } = clients.repository;
    root.roles[role] = { keyids: from(keys).map(({ key }) => keyIdOf(key)), threshold };
    for (const { key } of from(keys)) root.keys[keyIdOf(key)] = key;
    signers.set(role, from(sigs));
  };
}

describe('test_root_rotation', () => {
  test.each(Object.entries(rootRotations))('%s', async (_name, versions) => {
    const clients = await Clients.start();
    const { repository } = clients;
    repository.roots.length = 0;
    repository.root.version = 0;
    for (const version of versions) {
      (await startWith('root', version))(clients);
      await repository.bumpRoot();
    }
    clients.init();
    const isRefused = versions.at(-1)?.refused === true;
    expect(await clients.refresh()).toEqual(isRefused ? bothRefuse('TRUST_SIGNATURE') : bothOk);
    expect(clients.versions().root).toBe(isRefused ? versions.length - 1 : versions.length);
  });
});

describe.each(['timestamp', 'snapshot', 'targets'] as const)('test_non_root_rotations of %s', (role) => {
  test.each(Object.entries(otherRotations))('%s', async (_name, version) => {
    const clients = await Clients.start();
    (await startWith(role, version))(clients);
    await clients.repository.bumpRoot();
    expect(await clients.refresh()).toEqual(version.refused ? bothRefuse('TRUST_SIGNATURE') : bothOk);
    if (!version.refused) expect(clients.versions()).toMatchObject({ root: 2, [role]: 1 });
  });
});

describe('keys', () => {
  test('test_root_has_keys_but_not_snapshot', async () => {
    const clients = await Clients.start();
    const { repository } = clients;
    await clients.refresh();
    repository.root.roles.snapshot.threshold = 3;
    repository.addKey('snapshot');
    await repository.updateSnapshot();
    await repository.bumpRoot();
    expect(await clients.refresh()).toEqual(bothRefuse('TRUST_SIGNATURE'));
    repository.addKey('snapshot');
    await repository.bumpRoot();
    expect(await clients.refresh()).toEqual(bothOk);
    repository.root.roles.snapshot.threshold = 4;
    repository.root.roles.snapshot.keyids.push(keyIdOf(newSigner().key));
    await repository.bumpRoot();
    expect(await clients.refresh()).toEqual(bothRefuse('TRUST_SIGNATURE'));
    // tuf-js keeps a snapshot that the new root no longer allows; it does not use it.
    expect(clients.ownVersions()).toMatchObject({ root: 4 });
  });

  test('test_wrong_hashing_algorithm: a field that is not of the specification is not looked at', async () => {
    const clients = await Clients.start();
    const { root } = clients.repository;
    const [keyid = ''] = root.roles.snapshot.keyids;
    Object.assign(root.keys[keyid] ?? {}, { keyid_hash_algorithms: ['md5'] });
    await clients.repository.bumpRoot();
    expect(await clients.refresh()).toEqual(bothOk);
  });

  test('test_snapshot_threshold', async () => {
    const clients = await Clients.start();
    const { repository } = clients;
    await clients.refresh();
    for (let i = 0; i < 4; i++) repository.addKey('snapshot');
    repository.root.roles.snapshot.threshold = 6;
    await repository.bumpRoot();
    await repository.updateSnapshot();
    expect(await clients.refresh()).toEqual(bothRefuse('TRUST_SIGNATURE'));
  });

  test('test_duplicate_keys_root: one key under many ids is one signer', async () => {
    const clients = await Clients.start();
    const { repository } = clients;
    const [signer = newSigner()] = repository.signers.get('snapshot') ?? [];
    const aliases = Array.from({ length: 9 }, (_, index) => `alias-${index}`);
    for (const alias of aliases) repository.root.keys[alias] = signer.key;
    repository.root.roles.snapshot.keyids.push(...aliases);
    repository.root.roles.snapshot.threshold = 6;
    await repository.bumpRoot();
    const snapshot = JSON.parse(Buffer.from((await repository.fetch('1.snapshot.json')) ?? []).toString());
    const [{ sig }] = snapshot.signatures;
    snapshot.signatures.push(...aliases.map((keyid) => ({ keyid, sig })));
    repository.overrides.set('1.snapshot.json', Buffer.from(JSON.stringify(snapshot)));
    // tuf-js counts ids, and takes it for ten signers.
    expect(await clients.refresh()).toEqual({ ours: 'TRUST_SIGNATURE', theirs: 'ok' });
  });

  test('a signature twice under one id is refused', async () => {
    const clients = await Clients.start();
    const timestamp = JSON.parse(
      Buffer.from((await clients.repository.fetch('timestamp.json')) ?? []).toString(),
    );
    timestamp.signatures.push(timestamp.signatures[0]);
    clients.repository.overrides.set('timestamp.json', Buffer.from(JSON.stringify(timestamp)));
    expect(await clients.refresh()).toEqual(bothRefuse('TRUST_MALFORMED'));
  });
});
