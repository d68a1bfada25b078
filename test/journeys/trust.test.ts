import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buildBundle, sha256 } from '@covey/bundle';
import {
  createKeyPair,
  encodeDocument,
  parseMetadata,
  pemSigner,
  type SignedDocument,
  signDocument,
  targetPath,
} from '@covey/bundle/tuf';
import { publisherKeyPath } from '@covey/cli';
import { DeviceView, RolloutView, type TrustView } from '@covey/protocol/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { covey, coveyJson, type RunningService, startService, until } from './harness.ts';
import { publishScaling, scalingBundleSource, scalingModel } from './scaling-model.ts';
import { agentArgs, type StandingFleet, startStandingFleet } from './standing-fleet.ts';

/* Who may publish, with real processes: keys in files, in the environment and behind a command; a machine limited to canaries; a controller in other hands. */

let fleet: StandingFleet;
let canary: RunningService<{ inferenceUrl: string }>;
const cli = <T>(...args: string[]) => coveyJson<T>([...args, '--data', fleet.data]);
const errorOf = async (...args: string[]) => {
  const isLocal = args[1] === 'create';
  const { code, stdout, stderr } = await covey([
    ...args,
    '--json',
    ...(isLocal ? [] : ['--data', fleet.data]),
  ]);
  expect(code, stdout).not.toBe(0);
  expect(stderr + stdout).toContain('"error"');
  return (JSON.parse(stdout) as { error: { code: string } }).error.code;
};
const file = (name: string) => join(fleet.data, name);
const push = (version: string, key: string) => {
  writeFileSync(file(`${version}.onnx`), scalingModel(version));
  return ['model', 'push', file(`${version}.onnx`), '--name', 'scaling', '--version', version, '--key', key];
};
const viewOf = (id: string) =>
  fleet.client.call({ method: 'GET', path: `/devices/${id}`, answer: DeviceView });

beforeAll(async () => {
  fleet = await startStandingFleet(1);
  await publishScaling(fleet, '1.0.0');
  await fleet.install('1.0.0');
  const { token } = await cli<{ token: string }>('token', 'create', '--tag', 'ring=canary');
  await coveyJson(['enroll', '--data', file('devices/canary'), '--id', 'canary'], { stdin: token });
  canary = await startService(agentArgs(file('devices/canary'), 0));
}, 120_000);
afterAll(async () => {
  await canary.kill('SIGTERM');
  await fleet.stop();
});

describe('a machine that builds, limited to one model and to canaries', () => {
  test('publishes with a key from its environment; only canaries get it, until the publisher promotes it', async () => {
    const { publicKey, privateKey } = await cliKey('ci');
    await cli(
      'key',
      'delegate',
      'ci',
      publicKey,
      '--path',
      'scaling/*',
      '--tag',
      'ring=canary',
      '--key',
      targetsKey(),
    );
    process.env.COVEY_TEST_CI_KEY = readFileSync(privateKey, 'utf8');
    await cli(...push('1.1.0', 'env:COVEY_TEST_CI_KEY'));
    delete process.env.COVEY_TEST_CI_KEY;
    await expect(fleet.roll('1.1.0')).rejects.toMatchObject({ code: 'TRUST_LIMITED' });
    await install('1.1.0', 'canary', 'ring=canary');
    expect(await errorOf('model', 'promote', 'scaling@1.1.0', '--key', privateKey)).toBe('TRUST_LIMITED');
    await cli('model', 'promote', 'scaling@1.1.0');
    await install('1.1.0', 'edge-1');
  });

  test('may sign for no other model', async () => {
    const words = push('1.1.1', file('ci.pem'));
    words[words.indexOf('scaling')] = 'other';
    expect(await errorOf(...words)).toBe('TRUST_SIGNATURE');
  });
});

describe('keys and ceremonies', () => {
  test('a private key is its owner’s alone, and one with a passphrase is useless without it', async () => {
    expect(await errorOf('key', 'create', file('ci.pem'))).toBe('CONFLICT');
    expect(await errorOf('key', 'create', file('sealed.pem'), '--encrypt')).toBe('INVALID_ARGUMENT');
    process.env.COVEY_KEY_PASSPHRASE = 'correct horse';
    await coveyJson(['key', 'create', file('sealed.pem'), '--encrypt']);
    expect(readFileSync(file('sealed.pem'), 'utf8')).toContain('ENCRYPTED');
    await cli('key', 'add', 'scaling', file('sealed.pub.pem'), '--key', targetsKey());
    await cli(...push('1.2.0', file('sealed.pem')));
    delete process.env.COVEY_KEY_PASSPHRASE;
    expect(await errorOf(...push('1.2.1', file('sealed.pem')))).toBe('KEY_UNUSABLE');
  });

  test('a key behind a command signs: bytes on its standard input, the signature on its standard output', async () => {
    const { publicKeyPem, privateKeyPem } = createKeyPair('ecdsa-p256');
    writeFileSync(file('hsm.pub.pem'), publicKeyPem);
    const program = `import { sign } from 'node:crypto';
      import { readFileSync } from 'node:fs';
      process.stdout.write(sign('sha256', readFileSync(0), ${JSON.stringify(privateKeyPem)}));`;
    writeFileSync(file('hsm.mjs'), program);
    await cli('key', 'add', 'scaling', file('hsm.pub.pem'), '--key', targetsKey());
    await cli(...push('1.3.0', `command:${process.execPath} ${file('hsm.mjs')}`));
    const { found } = await cli<{ found: { role: string }[] }>('trust', 'verify', 'scaling@1.3.0');
    expect(found[0]?.role).toBe('scaling');
    expect(await errorOf(...push('1.3.1', 'command:false'))).toBe('KEY_UNUSABLE');
  });

  test('holders on different machines sign a draft one after the other; devices follow the new root', async () => {
    const before = await cli<TrustView>('trust', 'show');
    const { publicKey, privateKey } = await cliKey('second-root');
    const draft = file('root.trust.json');
    const add = ['key', 'add', 'root', publicKey, '--threshold', '2', '--key', rootKey(), '--out', draft];
    expect(await cli(...add)).toMatchObject({ draft });
    expect(await errorOf('key', 'submit', draft)).toBe('TRUST_SIGNATURE');
    const { stdout } = await covey(['key', 'sign', draft, '--key', privateKey]);
    expect(stdout).toMatch(/root 2 has 2 of the 2 signatures that its own keys have to give$/m);
    await cli('key', 'submit', draft);
    const both = ['--key', rootKey(), '--key', privateKey];
    await cliKey('new-targets');
    await cli(
      'key',
      'rotate',
      'targets',
      '--to',
      file('new-targets.pem'),
      ...both,
      '--out',
      file('t.trust.json'),
    );
    await cli(...push('1.4.0', file('new-targets.pem')));
    expect(await errorOf(...push('1.4.1', targetsKey()))).toBe('TRUST_SIGNATURE');
    await cli('trust', 'verify', 'scaling@1.4.0', '--root-digest', before.rootDigest ?? '');
    await install('1.4.0', 'edge-1');
  });

  test('two who publish at once both get through', async () => {
    const key = file('new-targets.pem');
    await Promise.all(['1.5.0', '1.5.1', '1.5.2'].map((version) => cli(...push(version, key))));
    const { models } = await cli<{ models: { versions: { version: string }[] }[] }>('model', 'list');
    const versions = models[0]?.versions.map(({ version }) => version);
    expect(versions).toEqual(expect.arrayContaining(['1.5.0', '1.5.1', '1.5.2']));
  });
});

describe('a controller in other hands', () => {
  let held: RolloutView;
  test('whose timestamp has run out: nothing is installed, everything serves, and the reason is reported', async () => {
    await fleet.controller.kill('SIGKILL');
    await forge(async (database, online) => {
      const timestamp = parseMetadata('timestamp', newestOf(database)('timestamp')).signed;
      await online('timestamp', {
        ...timestamp,
        version: timestamp.version + 1,
        expires: '2026-01-01T00:00:00Z',
      });
    });
    // Without its online key the controller cannot sign another.
    writeFileSync(file('controller/online-key.pem'), createKeyPair('ed25519').privateKeyPem);
    await fleet.restartController();
    held = await fleet.roll('1.5.0', { selector: 'id=edge-1', waves: [{ percent: 100 }], soak: quick });
    const waiting = await until('the device to wait', async () => {
      const view = await viewOf('edge-1');
      return view.reported?.state === 'deferred' ? view : undefined;
    });
    expect(waiting.reported).toMatchObject({
      reason: { code: 'TRUST_EXPIRED' },
      serving: [{ version: '1.4.0' }],
    });
    const answer = await fetch(`${fleet.devices[0]?.inferenceUrl}/v2/models/scaling/ready`);
    expect(answer.status).toBe(200);
  });

  test('is ours again when a new root replaces its online key: devices go on by themselves', async () => {
    const both = ['--key', rootKey(), '--key', file('second-root.pem')];
    await cli('key', 'rotate', 'online', ...both, '--out', file('online.trust.json'));
    const moved = await until(
      'the device to install',
      async () => {
        const view = await viewOf('edge-1');
        return view.reported?.serving[0]?.version === '1.5.0' ? view : undefined;
      },
      120_000,
    );
    expect(moved.reported?.serving[0]?.version).toBe('1.5.0');
    await accept(held.id);
  }, 150_000);

  test('orders a version that nobody signed: every device refuses it, serves on, and says why', async () => {
    const evil = buildBundle(scalingBundleSource('6.6.6'));
    for (const [digest, bytes] of evil.chunks) await fleet.client.putChunk(digest, bytes);
    await fleet.controller.kill('SIGKILL');
    await forge(async (database, online) => {
      const newest = newestOf(database);
      const { signed } = parseMetadata('targets', newest('scaling'));
      const hashes = { sha256: sha256(evil.manifestBytes) };
      const target = { length: evil.manifestBytes.byteLength, hashes, custom: { securityCounter: 0 } };
      const targets = { ...signed.targets, [targetPath('scaling', '6.6.6')]: target };
      await online('scaling', { ...signed, version: signed.version + 1, targets });
      const snapshot = parseMetadata('snapshot', newest('snapshot')).signed;
      const meta = { ...snapshot.meta, 'scaling.json': { version: signed.version + 1 } };
      const version = snapshot.version + 1;
      await online('snapshot', { ...snapshot, version, meta });
      const timestamp = parseMetadata('timestamp', newest('timestamp')).signed;
      const listed = { 'snapshot.json': { version } };
      await online('timestamp', { ...timestamp, version: timestamp.version + 1, meta: listed });
      database
        .prepare(`insert into versions (model, version, number, digest, manifest, created_at, published_by)
          values ('scaling', '6.6.6', 666, ?, ?, 1, 'admin')`)
        .run(evil.digest, Buffer.from(evil.manifestBytes).toString());
    });
    await fleet.restartController();
    const { id } = await fleet.roll('6.6.6', { selector: 'id=edge-1', waves: [{ percent: 100 }] });
    const refused = await until('the device to refuse', async () => {
      const view = await viewOf('edge-1');
      return view.reported?.reason?.code.startsWith('TRUST_') ? view : undefined;
    });
    expect(refused.reported).toMatchObject({
      reason: { code: 'TRUST_SIGNATURE' },
      serving: [{ version: '1.5.0' }],
    });
    expect((await fleet.rollout(id)).waves[0]?.devices[0]?.state).not.toBe('proven');
    // A publisher does not sign over what was forged.
    expect(await errorOf(...push('1.6.0', file('new-targets.pem')))).toBe('TRUST_SIGNATURE');
  });
});

/** Nobody asks these devices anything, so that a person accepts what the soak could not prove. */
async function accept(id: string): Promise<void> {
  const { state } = await fleet.settled(id);
  if (state === 'paused')
    await fleet.client.call({ method: 'POST', path: `/rollouts/${id}/resume`, answer: RolloutView });
}

async function install(version: string, device: string, selector = `id=${device}`): Promise<void> {
  const { id } = await fleet.roll(version, { selector, waves: [{ percent: 100 }], soak: quick });
  await accept(id);
  expect((await viewOf(device)).reported?.serving[0]?.version).toBe(version);
}

const quick = { minSamples: 1, maxDurationMs: 1 };
const rootKey = () => publisherKeyPath(fleet.data, 'root');
const targetsKey = () => publisherKeyPath(fleet.data, 'targets');
const cliKey = (name: string) =>
  coveyJson<{ publicKey: string; privateKey: string }>(['key', 'create', file(`${name}.pem`)]);

type Sign = <Signed extends { version: number }>(role: string, signed: Signed) => Promise<void>;

/** What somebody does who has the controller's disk: its database and its online key. */
async function forge(act: (database: DatabaseSync, online: Sign) => Promise<void>): Promise<void> {
  const database = new DatabaseSync(file('controller/covey.db'));
  const signer = pemSigner(readFileSync(file('controller/online-key.pem'), 'utf8'));
  const insert = database.prepare('insert into trust_files (role, version, bytes) values (?, ?, ?)');
  await act(database, async (role, signed) => {
    const document: SignedDocument = await signDocument({ signed, signatures: [] }, [signer]);
    insert.run(role, signed.version, encodeDocument(document));
  });
  database.close();
}

function newestOf(database: DatabaseSync) {
  const select = database.prepare(
    'select bytes from trust_files where role = ? order by version desc limit 1',
  );
  return (role: string) => new Uint8Array((select.get(role) as { bytes: Uint8Array }).bytes);
}
