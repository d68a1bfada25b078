import { describe, expect, test } from 'vitest';
import { bothOk, bothRefuse, Clients } from './clients.fixture.ts';
import type { Root } from './documents.ts';
import { startMs, timeText } from './simulated-repository.fixture.ts';

/*
 * After the public TUF conformance suite (github.com/theupdateframework/tuf-conformance): its tests by name, our client and
 * tuf-js before the same repository. Where the two end differently, the reason is said.
 */

const dayMs = 86_400_000;
const fresh = { root: 1, timestamp: 1, snapshot: 1, targets: 1 };

describe('basic', () => {
  test('test_basic_init_and_refresh', async () => {
    const clients = await Clients.start();
    expect(await clients.refresh()).toEqual(bothOk);
    expect(clients.repository.requests).toEqual([
      '2.root.json',
      'timestamp.json',
      '1.snapshot.json',
      '1.targets.json',
    ]);
    expect(clients.versions()).toEqual(fresh);
    expect(await clients.refresh()).toEqual(bothOk);
    expect(clients.repository.requests).toEqual(['2.root.json', 'timestamp.json']);
  });

  test('test_metadata_bytes_match', async () => {
    const clients = await Clients.start();
    const pretty = JSON.stringify(
      JSON.parse(Buffer.from((await clients.repository.fetch('1.targets.json')) ?? []).toString()),
      null,
      2,
    );
    clients.repository.overrides.set('1.targets.json', Buffer.from(pretty));
    expect(await clients.refresh()).toEqual(bothOk);
    expect(Buffer.from(clients.files.get('targets.json') ?? []).toString()).toBe(pretty);
  });

  test('test_implicit_refresh', async () => {
    const clients = await Clients.start();
    expect(await clients.find('nonexistent artifact')).toEqual(bothRefuse('TRUST_UNKNOWN'));
    expect(clients.versions()).toEqual(fresh);
  });

  test.each([
    ['test_invalid_initial_root', (root: { signed: Partial<Root> }) => delete root.signed.version],
    [
      'test_unsigned_initial_root',
      (root: { signatures?: { sig: string }[] }) => {
        for (const signature of root.signatures ?? []) signature.sig = '00'.repeat(64);
      },
    ],
  ])('%s', async (_name, damage) => {
    const clients = await Clients.start();
    const root = JSON.parse(Buffer.from(clients.repository.roots[0] ?? []).toString());
    damage(root);
    clients.init(Buffer.from(JSON.stringify(root)));
    expect(await clients.refresh()).toEqual(bothRefuse('DATA_CORRUPT'));
    expect(clients.repository.requests).toEqual([]);
  });

  test('test_timestamp_content_changes, test_timestamp_eq_versions_check', async () => {
    const clients = await Clients.start();
    await clients.refresh();
    const kept = clients.files.get('timestamp.json');
    clients.repository.timestamp.meta['snapshot.json'].version = 100;
    expect(await clients.refresh()).toEqual(bothOk);
    expect(clients.files.get('timestamp.json')).toEqual(kept);
    expect(clients.versions()).toEqual(fresh);
  });

  test('test_new_targets_hash_mismatch', async () => {
    const clients = await Clients.start();
    const { repository } = clients;
    await clients.refresh();
    repository.listsHashes = true;
    await repository.updateSnapshot();
    expect(await clients.refresh()).toEqual(bothOk);
    repository.top.version++;
    repository.snapshot.meta['targets.json'] = {
      ...repository.snapshot.meta['targets.json'],
      version: repository.top.version,
    };
    repository.snapshot.version++;
    await repository.updateTimestamp();
    repository.top.targets.x = { length: 1, hashes: { sha256: 'aa' } };
    expect(await clients.refresh()).toEqual(bothRefuse('PAYLOAD_TOO_LARGE'));
    expect(clients.versions()).toMatchObject({ snapshot: 3, targets: 1 });
  });

  test('test_new_targets_version_mismatch', async () => {
    const clients = await Clients.start();
    await clients.refresh();
    clients.repository.top.version++;
    expect(await clients.refresh()).toEqual(bothOk);
    expect(clients.versions()).toEqual(fresh);
  });

  test('test_custom_fields', async () => {
    const clients = await Clients.start();
    const { root } = clients.repository;
    const [keyid = ''] = root.roles.root.keyids;
    Object.assign(root, { 'custom-field': 'value' });
    Object.assign(root.keys[keyid] ?? {}, { 'extra-field': { a: 1, b: 2 } });
    Object.assign(root.roles.root, { 'another-field': 'value' });
    await clients.repository.bumpRoot();
    expect(await clients.refresh()).toEqual(bothOk);
    expect(clients.versions().root).toBe(2);
  });
});

describe('rollback', () => {
  test('test_simple_snapshot_rollback', async () => {
    const clients = await Clients.start();
    await clients.repository.updateSnapshot();
    await clients.refresh();
    clients.repository.snapshot.version--;
    expect(await clients.refresh()).toEqual(bothOk);
    expect(clients.repository.requests.at(-1)).toBe('timestamp.json');
    expect(clients.versions().snapshot).toBe(2);
  });

  test('test_new_timestamp_version_rollback', async () => {
    const clients = await Clients.start();
    await clients.repository.updateTimestamp();
    await clients.refresh();
    clients.repository.timestamp.version = 1;
    expect(await clients.refresh()).toEqual(bothRefuse('TRUST_ROLLBACK'));
    expect(clients.versions().timestamp).toBe(2);
  });

  test.each([false, true])('test_snapshot_rollback, with hashes: %s', async (listsHashes) => {
    const clients = await Clients.start();
    const { repository } = clients;
    repository.listsHashes = listsHashes;
    await repository.updateSnapshot();
    await clients.refresh();
    repository.snapshot.version = 1;
    await repository.updateTimestamp();
    expect(await clients.refresh()).toEqual(bothRefuse('TRUST_ROLLBACK'));
    expect(clients.versions()).toMatchObject({ timestamp: 2, snapshot: 2 });
  });

  test.each([false, true])('test_targets_rollback, with hashes: %s', async (listsHashes) => {
    const clients = await Clients.start();
    const { repository } = clients;
    repository.listsHashes = listsHashes;
    repository.top.version = 3;
    await repository.updateSnapshot();
    await clients.refresh();
    repository.top.version = 1;
    await repository.updateSnapshot();
    expect(await clients.refresh()).toEqual(bothRefuse('TRUST_ROLLBACK'));
    expect(clients.versions()).toMatchObject({ snapshot: 2, targets: 3 });
  });

  test('test_new_snapshot_version_mismatch', async () => {
    const clients = await Clients.start();
    clients.repository.snapshot.version++;
    expect(await clients.refresh()).toEqual(bothRefuse('TRUST_INCONSISTENT'));
    expect(clients.versions()).toEqual({ root: 1, timestamp: 1 });
    expect(clients.repository.requests.at(-1)).toBe('1.snapshot.json');
  });

  test('test_new_timestamp_fast_forward_recovery', async () => {
    const clients = await Clients.start();
    const { repository } = clients;
    repository.timestamp.version = 100;
    await clients.refresh();
    repository.rotateKeys('timestamp');
    repository.timestamp.version = 1;
    await repository.bumpRoot();
    expect(await clients.refresh()).toEqual(bothOk);
    expect(clients.versions().timestamp).toBe(1);
  });

  test('test_new_snapshot_fast_forward_recovery', async () => {
    const clients = await Clients.start();
    const { repository } = clients;
    repository.snapshot.version = 99_999;
    await repository.updateTimestamp();
    await clients.refresh();
    repository.rotateKeys('snapshot');
    repository.rotateKeys('timestamp');
    await repository.bumpRoot();
    repository.snapshot.version = 1;
    await repository.updateTimestamp();
    expect(await clients.refresh()).toEqual(bothOk);
    expect(clients.versions().snapshot).toBe(1);
  });

  test('test_new_targets_fast_forward_recovery', async () => {
    const clients = await Clients.start();
    const { repository } = clients;
    repository.top.version = 100;
    await repository.updateSnapshot();
    await clients.refresh();
    repository.rotateKeys('snapshot');
    await repository.bumpRoot();
    repository.top.version = 1;
    await repository.updateSnapshot();
    expect(await clients.refresh()).toEqual(bothOk);
    expect(clients.versions().targets).toBe(1);
  });
});

describe('expiration', () => {
  const expire = (signed: { expires: string }, days = 5) => {
    signed.expires = timeText(startMs - days * dayMs);
  };

  test('test_root_expired', async () => {
    const clients = await Clients.start();
    await clients.refresh();
    await clients.repository.bumpRoot();
    await clients.refresh();
    expire(clients.repository.root);
    await clients.repository.bumpRoot();
    clients.repository.top.version++;
    await clients.repository.updateSnapshot();
    expect(await clients.refresh()).toEqual(bothRefuse('TRUST_EXPIRED'));
    expect(clients.versions()).toEqual({ ...fresh, root: 3 });
  });

  test('an expired root in between does not matter', async () => {
    const clients = await Clients.start();
    const { expires } = clients.repository.root;
    expire(clients.repository.root);
    await clients.repository.bumpRoot();
    clients.repository.root.expires = expires;
    await clients.repository.bumpRoot();
    expect(await clients.refresh()).toEqual(bothOk);
    expect(clients.versions().root).toBe(3);
  });

  test('test_timestamp_expired', async () => {
    const clients = await Clients.start();
    await clients.refresh();
    expire(clients.repository.timestamp);
    await clients.repository.updateTimestamp();
    expect(await clients.refresh()).toEqual(bothRefuse('TRUST_EXPIRED'));
    expect(clients.versions()).toEqual(fresh);
  });

  test('test_snapshot_expired', async () => {
    const clients = await Clients.start();
    await clients.refresh();
    expire(clients.repository.snapshot);
    await clients.repository.updateSnapshot();
    expect(await clients.refresh()).toEqual(bothRefuse('TRUST_EXPIRED'));
    expect(clients.versions().snapshot).toBe(1);
  });

  test('test_targets_expired', async () => {
    const clients = await Clients.start();
    await clients.refresh();
    expire(clients.repository.top);
    clients.repository.top.version++;
    await clients.repository.updateSnapshot();
    expect(await clients.refresh()).toEqual(bothRefuse('TRUST_EXPIRED'));
    expect(clients.versions().targets).toBe(1);
  });

  test('test_delegated_targets_expired', async () => {
    const clients = await Clients.start();
    const { repository } = clients;
    repository.delegate('targets', 'role');
    expire(repository.role('role'));
    repository.addTarget('role', 'file', 'content');
    repository.top.version++;
    await repository.updateSnapshot();
    expect(await clients.find('file')).toEqual(bothRefuse('TRUST_EXPIRED'));
    expect(clients.versions()).not.toHaveProperty('role');
  });

  test('test_expired_metadata: what is kept and expired still guards against rollback, and is replaced', async () => {
    const clients = await Clients.start();
    const { repository } = clients;
    repository.timestamp.expires = timeText(startMs + 7 * dayMs);
    await clients.refresh();
    repository.top.version++;
    await repository.updateSnapshot();
    repository.timestamp.expires = timeText(startMs + 21 * dayMs);
    clients.now += 18 * dayMs;
    expect(await clients.refresh()).toEqual(bothOk);
    expect(clients.versions()).toEqual({ root: 1, timestamp: 2, snapshot: 2, targets: 2 });
  });

  test('what was good is refused once its time is over, with nothing new to be had', async () => {
    const clients = await Clients.start();
    await clients.refresh();
    clients.now += 31 * dayMs;
    expect(await clients.refresh()).toEqual(bothRefuse('TRUST_EXPIRED'));
    expect(clients.versions()).toEqual(fresh);
  });
});
