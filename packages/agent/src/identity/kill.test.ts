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
const run = (root: string, killAt: number, moment: string) =>
  spawnSync(process.execPath, [fixture, root, String(killAt), moment], { encoding: 'utf8' });

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
        'root.json',
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
