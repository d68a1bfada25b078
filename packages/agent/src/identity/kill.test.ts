import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemDisk } from '@covey/ports';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { initDeviceFolder, openDeviceFolder } from '../folder/index.ts';
import { makeAuthority } from './authority.fixture.ts';
import { isCertificateFor, makeKey, makeRequest } from './certificates.ts';
import { createIdentity, openIdentity } from './identity.ts';

const fixture = fileURLToPath(new URL('./kill.fixture.ts', import.meta.url));
let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'covey-identity-'));
});
afterEach(() => rm(scratch, { recursive: true }));

/** A folder whose device has a certificate of an authority that the fixture knows. */
async function enrolled(root: string) {
  const authority = await makeAuthority();
  await writeFile(`${root}.authority`, authority.text);
  const keyPem = makeKey();
  const certificatePem = await authority.certify('device-1', await makeRequest('device-1', keyPem));
  const urls = { mqttUrl: 'mqtts://controller:8883', deviceUrl: 'https://controller:8443' };
  const document = {
    deviceId: 'device-1',
    ...urls,
    tags: {},
    keyPem,
    certificatePem,
    caPem: authority.caPem,
  };
  await createIdentity(systemDisk, await initDeviceFolder(systemDisk, root), document, Buffer.from('{}'));
  return certificatePem;
}

const open = async (root: string) => {
  const store = await openIdentity(systemDisk, await openDeviceFolder(systemDisk, root));
  if (!store) throw new Error('there is an identity');
  return store;
};
const run = (root: string, killAt: number, moment: string, what = 'renew') =>
  spawnSync(process.execPath, [fixture, root, String(killAt), moment, what], { encoding: 'utf8' });

it('is never without a valid identity, killed before or after any write of a renewal, and renews in the end', {
  timeout: 60_000,
}, async () => {
  for (const moment of ['before', 'after']) {
    for (let killAt = 1; killAt <= 3; killAt++) {
      const root = join(scratch, `${moment}-${killAt}`);
      const first = await enrolled(root);
      const killed = run(root, killAt, moment);
      expect([killed.signal, killed.stderr]).toEqual(['SIGKILL', '']);
      const between = await open(root);
      expect(between.damaged).toEqual([]);
      const { certificatePem, keyPem } = between.identity;
      expect(isCertificateFor(certificatePem, keyPem)).toBe(true);
      const issued = async () =>
        (await readFile(`${root}.issued`, 'utf8').catch(() => ''))
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line));
      expect([first, ...(await issued())]).toContain(certificatePem);
      const isRenewed = certificatePem !== first;
      if (!isRenewed) {
        // The key that was asked for with is asked for with again.
        const asked = between.nextKeyPem;
        expect(run(root, 0, '').status).toBe(0);
        if (asked !== undefined) expect((await open(root)).identity.keyPem).toBe(asked);
      } else await between.settle();
      const after = await open(root);
      expect(after.identity.certificatePem).toBe((await issued()).at(-1));
      expect(after.nextKeyPem).toBeUndefined();
      for (const name of ['identity-a', 'identity-b'])
        expect(await readFile(join(root, 'identity', name), 'utf8')).not.toContain(
          JSON.stringify(first).slice(1, -1),
        );
      expect((await readdir(join(root, 'identity'))).sort()).toEqual([
        'identity-a',
        'identity-b',
        'root-a',
        'root-b',
      ]);
    }
  }
});

it('holds by either file when the other one is damaged, and says when both are', async () => {
  const root = join(scratch, 'rot');
  const first = await enrolled(root);
  await (await open(root)).settle();
  for (const name of ['identity-a', 'identity-b']) {
    const path = join(root, 'identity', name);
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, 100));
    const store = await open(root);
    expect([store.identity.certificatePem, store.damaged]).toEqual([first, [path]]);
    await writeFile(path, whole);
  }
  for (const name of ['identity-a', 'identity-b']) await writeFile(join(root, 'identity', name), 'x');
  await expect(open(root)).rejects.toMatchObject({ code: 'DATA_CORRUPT' });
});

it('keeps the root of trust by either copy, whichever byte is damaged, and writes the lost one anew', async () => {
  const root = join(scratch, 'root');
  await enrolled(root);
  const paths = ['root-a', 'root-b'].map((name) => join(root, 'identity', name));
  for (const [mine, other] of [paths, paths.toReversed()] as [string, string][]) {
    const whole = await readFile(mine);
    for (let offset = 0; offset < whole.byteLength; offset++) {
      const damaged = Buffer.from(whole);
      damaged[offset] = (damaged[offset] ?? 0) ^ 1;
      await writeFile(mine, damaged);
      const { identity, root: pinned } = await open(root);
      expect([String(identity.pinnedRoot), pinned.damaged]).toEqual(['{}', [mine]]);
    }
    for (const lost of [Buffer.alloc(0), undefined]) {
      if (lost) await writeFile(mine, lost);
      else await rm(mine);
      const { root: pinned } = await open(root);
      expect(lost ? pinned.damaged : pinned.missing).toEqual([mine]);
      await pinned.restore();
      const restored = await open(root);
      expect([String(restored.identity.pinnedRoot), restored.root.damaged, restored.root.missing]).toEqual([
        '{}',
        [],
        [],
      ]);
      // By itself too, when it is the other one that is lost.
      const before = await readFile(other);
      await writeFile(other, 'x');
      expect(String((await open(root)).identity.pinnedRoot)).toBe('{}');
      await writeFile(other, before);
    }
  }
  for (const path of paths) await writeFile(path, 'x');
  const store = await open(root);
  await store.root.restore();
  expect([store.identity.pinnedRoot, store.root.damaged, store.identity.deviceId]).toEqual([
    undefined,
    paths,
    'device-1',
  ]);
});

it('is never without the root of trust, killed before or after any write of its restoration', {
  timeout: 60_000,
}, async () => {
  for (const moment of ['before', 'after']) {
    for (const name of ['root-a', 'root-b']) {
      const root = join(scratch, `${moment}-${name}`);
      await enrolled(root);
      await writeFile(join(root, 'identity', name), 'x');
      const killed = run(root, 1, moment, 'restore');
      expect([killed.signal, killed.stderr]).toEqual(['SIGKILL', '']);
      const { identity, root: pinned } = await open(root);
      expect(String(identity.pinnedRoot)).toBe('{}');
      expect(pinned.damaged.length).toBe(moment === 'before' ? 1 : 0);
    }
  }
});
