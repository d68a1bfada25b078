import 'reflect-metadata';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@covey/bundle';
import { type Clock, systemClock, systemDisk, systemRandom } from '@covey/ports';
import type { CoveyError } from '@covey/protocol';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { queryAudit } from '../audit/index.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import type { Trust } from '../trust/index.ts';
import { trustFixture } from '../trust.fixture.ts';
import { type Identity, openIdentity } from './index.ts';

type Keys = { publicKey: CryptoKey; privateKey: CryptoKey };

const p256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const urls = { mqttUrl: 'mqtts://c:8883', deviceUrl: 'https://c:8443' };

let now: number;
let folder: string;
let storage: Storage;
let identity: Identity;
let trust: Trust;

const clock: Clock = { ...systemClock, now: () => now };
const open = () =>
  openIdentity({
    folder,
    names: ['covey.example', '10.1.2.3'],
    storage,
    clock,
    random: systemRandom,
    disk: systemDisk,
    trust,
  });

beforeEach(async () => {
  now = Date.now();
  folder = await mkdtemp(join(tmpdir(), 'covey-identity-'));
  storage = await openStorage({ file: ':memory:', blobFolder: join(folder, 'blobs'), disk: systemDisk });
  trust = await trustFixture(storage, clock);
  identity = await open();
});
afterEach(async () => {
  await storage.close();
  await rm(folder, { recursive: true });
});

async function request(keys?: Keys, algorithm = p256): Promise<string> {
  const used = keys ?? (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']));
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=whoever',
    keys: used,
    signingAlgorithm: algorithm,
  });
  return csr.toString('pem');
}

const newKeys = (): Promise<Keys> => crypto.subtle.generateKey(p256, true, ['sign', 'verify']);

async function secretOf(options: { maxUses?: number; tags?: Record<string, string> } = {}): Promise<string> {
  const { maxUses = 1, tags = { site: 'north' } } = options;
  const created = { url: 'https://c:8080', tags, maxUses, validMs: 60_000, createdBy: 'admin' };
  const { token } = await identity.createToken(created);
  return JSON.parse(Buffer.from(token.slice('covey1.'.length), 'base64url').toString()).secret;
}

const enrol = async (secret: string, deviceId = 'edge-1', csrPem?: string) =>
  identity.enrol(
    {
      secret,
      deviceId,
      csrPem: csrPem ?? (await request()),
      tags: { site: 'south', rack: '7' },
      trustDigest: sha256(await trust.root()),
    },
    urls,
  );

/** What the controller says to a device that shows this certificate: `good`, or the code of the refusal. */
const checkOf = (pem: string, purpose?: 'use' | 'renewal') =>
  identity.check(new X509Certificate(pem), purpose).then(
    () => 'good',
    (error: CoveyError) => error.code,
  );

describe('the files', () => {
  test('CA and bearer token stay what they were, for the owner alone', async () => {
    const again = await open();
    expect(again.caPem).toBe(identity.caPem);
    expect(again.adminToken).toBe(identity.adminToken);
    expect(Buffer.from(identity.adminToken, 'base64url')).toHaveLength(32);
    for (const path of ['ca/key.pem', 'ca/ca.pem', 'admin.token'])
      expect((await stat(join(folder, path))).mode & 0o777).toBe(0o600);
  });

  test.each(['ca/key.pem', 'ca/ca.pem'])('a damaged %s is DATA_CORRUPT, not a new CA', async (path) => {
    const text = await readFile(join(folder, path), 'utf8');
    await writeFile(join(folder, path), text.slice(0, text.length / 2));
    await expect(open()).rejects.toMatchObject({ code: 'DATA_CORRUPT' });
  });

  test('a CA key of another CA is DATA_CORRUPT', async () => {
    const ours = await readFile(join(folder, 'ca/key.pem'));
    await rm(join(folder, 'ca'), { recursive: true });
    await open();
    await writeFile(join(folder, 'ca/key.pem'), ours);
    await expect(open()).rejects.toMatchObject({ code: 'DATA_CORRUPT' });
  });
});

describe('the server certificate', () => {
  test('is of the CA, for all its names, and for servers only', () => {
    const ca = new X509Certificate(identity.caPem);
    const server = new X509Certificate(identity.server.certificate);
    expect(server.checkIssued(ca) && server.verify(ca.publicKey)).toBe(true);
    expect(ca.ca && !server.ca).toBe(true);
    expect(identity.caFingerprint).toBe(createHash('sha256').update(ca.raw).digest('hex'));
    for (const name of ['localhost', 'covey.example']) expect(server.checkHost(name)).toBe(name);
    for (const address of ['127.0.0.1', '::1', '10.1.2.3']) expect(server.checkIP(address)).toBe(address);
    expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });
});

describe('a change of the authority', () => {
  const rotate = (step: 'begin' | 'finish', force = false) =>
    identity.rotate(step, { force, actor: 'admin' });

  test('keeps every old certificate good until the end, and renews each by the next authority', async () => {
    const { certificatePem: first } = await enrol(await secretOf());
    const before = identity.caFingerprint;
    await expect(rotate('finish')).rejects.toMatchObject({ code: 'CONFLICT' });
    await rotate('begin');
    expect(identity.caFingerprint).toBe(before);
    expect(await identity.check(new X509Certificate(first))).toMatchObject({ isRenewalDue: true });
    await expect(rotate('finish')).rejects.toMatchObject({ code: 'CONFLICT' });
    const answer = await identity.renew(new X509Certificate(first), { csrPem: await request() });
    const [serving, next] = answer.caPem.split(/(?<=-----END CERTIFICATE-----\n)/);
    expect(new X509Certificate(answer.certificatePem).verify(new X509Certificate(next ?? '').publicKey)).toBe(
      true,
    );
    expect(await checkOf(answer.certificatePem)).toBe('good');
    expect(await identity.authority()).toMatchObject({ devicesBehind: [] });
    await rotate('finish');
    expect(identity.caPem).toBe(next);
    const server = new X509Certificate(identity.server.certificate);
    expect(server.verify(new X509Certificate(next ?? '').publicKey)).toBe(true);
    expect(server.verify(new X509Certificate(serving ?? '').publicKey)).toBe(false);
    expect((await open()).caPem).toBe(next);
  });

  test.each([0, 1, 2, 3, 4, 5])(
    'is finished at the next start when the power goes after write %i of the end',
    async (writes) => {
      await rotate('begin');
      const next = identity.caPem.split(/(?<=-----END CERTIFICATE-----\n)/)[1];
      let left = writes;
      const failing =
        <A extends unknown[]>(change: (...args: A) => Promise<void>) =>
        async (...args: A) => {
          if (left-- <= 0) throw new Error('the power is gone');
          await change(...args);
        };
      const disk = { ...systemDisk, write: failing(systemDisk.write), remove: failing(systemDisk.remove) };
      const cut = await openIdentity({
        folder,
        names: [],
        storage,
        clock,
        random: systemRandom,
        disk,
        trust,
      });
      await expect(cut.rotate('finish', { force: true, actor: 'admin' })).rejects.toThrow(
        'the power is gone',
      );
      const after = await open();
      if (writes === 0) expect(after.caPem).toContain(next);
      else expect(after.caPem).toBe(next);
    },
  );

  test('the server’s certificate is made anew after half of its life, while the controller runs', async () => {
    const seen: string[] = [];
    identity.onServerChange(({ certificate }) => seen.push(certificate));
    await identity.renewServer();
    now += 366 * 86_400_000;
    await identity.renewServer();
    expect(seen).toEqual([identity.server.certificate]);
  });
});

describe('enrolment', () => {
  test('gives a certificate for the device, the token’s tags over its own, and what it needs to connect', async () => {
    const answer = await enrol(await secretOf());
    const certificate = new X509Certificate(answer.certificatePem);
    expect(certificate.subject).toBe('CN=edge-1');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.verify(new X509Certificate(answer.caPem).publicKey)).toBe(true);
    expect(certificate.validFromDate.getTime()).toBeLessThan(now);
    expect(certificate.validToDate.getTime() - now).toBeCloseTo(365 * 86_400_000, -4);
    expect(answer).toMatchObject({
      deviceId: 'edge-1',
      trustRoot: new TextDecoder().decode(await trust.root()),
      ...urls,
      tags: { site: 'north', rack: '7' },
      now,
    });
    expect(await checkOf(answer.certificatePem)).toBe('good');
    const { entries } = await queryAudit(storage.db, { subject: 'device:edge-1', limit: 10 });
    expect(entries).toMatchObject([{ actor: 'device:edge-1', action: 'device.enrol' }]);
  });

  test('a token carries the fingerprint of the CA and the digest of the root of trust, and is not stored', async () => {
    const created = { url: 'https://c:8080', tags: {}, maxUses: 1, validMs: 60_000, createdBy: 'admin' };
    const { token } = await identity.createToken(created);
    const content = JSON.parse(Buffer.from(token.slice('covey1.'.length), 'base64url').toString());
    expect(content).toMatchObject({
      url: 'https://c:8080',
      caFingerprint: identity.caFingerprint,
      trustDigest: sha256(await trust.root()),
    });
    const rows = JSON.stringify(await storage.db.selectFrom('tokens').selectAll().execute());
    expect(rows).not.toContain(content.secret.split('.')[1]);
  });

  test('a single-use token enrols one device, also when many ask at once', async () => {
    const secret = await secretOf();
    const attempts = Array.from({ length: 5 }, (_, index) => enrol(secret, `edge-${index}`));
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'TOKEN_USED' });
    expect(await storage.db.selectFrom('devices').select('id').execute()).toHaveLength(1);
  });

  test('a counted token enrols as many as it says', async () => {
    const secret = await secretOf({ maxUses: 2 });
    await enrol(secret, 'edge-1');
    await enrol(secret, 'edge-2');
    await expect(enrol(secret, 'edge-3')).rejects.toMatchObject({ code: 'TOKEN_USED' });
  });

  test('a device whose answer was lost asks again with its key and a spent token', async () => {
    const keys = await newKeys();
    const secret = await secretOf();
    const certificates: string[] = [];
    for (let time = 0; time < 3; time++)
      certificates.push((await enrol(secret, 'edge-1', await request(keys))).certificatePem);
    now += 300_000;
    expect(await Promise.all(certificates.map((pem) => checkOf(pem)))).toEqual([
      'CERTIFICATE_SUPERSEDED',
      'CERTIFICATE_SUPERSEDED',
      'good',
    ]);
  });

  test('an id in use is CONFLICT for another key and costs no use of the token', async () => {
    await enrol(await secretOf());
    const secret = await secretOf();
    await expect(enrol(secret)).rejects.toMatchObject({ code: 'CONFLICT' });
    await enrol(secret, 'edge-2');
  });

  test('a key belongs to one id', async () => {
    const csr = await request(await newKeys());
    await enrol(await secretOf(), 'edge-1', csr);
    await expect(enrol(await secretOf(), 'edge-2', csr)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('a revoked id stays refused, whatever token comes, until an operator resets it', async () => {
    const first = await enrol(await secretOf());
    await identity.refuse('edge-1', 'revoked', 'admin');
    expect(await checkOf(first.certificatePem)).toBe('DEVICE_REVOKED');
    await expect(identity.refuse('edge-1', 'revoked', 'admin')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(identity.refuse('edge-9', 'reset', 'admin')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const secret = await secretOf();
    await expect(enrol(secret)).rejects.toMatchObject({ code: 'CONFLICT' });
    await identity.refuse('edge-1', 'reset', 'admin');
    expect(await checkOf((await enrol(secret)).certificatePem)).toBe('good');
  });

  test('after a reset a new key takes the id with what is wanted of it; the old key never comes back', async () => {
    const keys = await newKeys();
    const old = await enrol(await secretOf(), 'edge-1', await request(keys));
    const sequences = { device: 'edge-1', up_to: 9, missing: '[]', boot_id: 'b', rebirth: 0 };
    await storage.db.insertInto('sequences').values(sequences).execute();
    const event = { device: 'edge-1', at: 1, kind: 'x', message: 'of before', model: null, version: null };
    await storage.db.insertInto('events').values(event).execute();
    await storage.db.updateTable('devices').set({ desired: '{}', reported: '{}', reported_at: 1 }).execute();
    await identity.refuse('edge-1', 'reset', 'admin');
    expect(await checkOf(old.certificatePem)).toBe('DEVICE_REVOKED');
    const same = await request(keys);
    await expect(enrol(await secretOf(), 'edge-1', same)).rejects.toMatchObject({ code: 'CONFLICT' });
    const fresh = await enrol(await secretOf());
    expect(await checkOf(fresh.certificatePem)).toBe('good');
    expect(await checkOf(old.certificatePem)).toBe('DEVICE_REVOKED');
    expect(await storage.db.selectFrom('sequences').selectAll().execute()).toEqual([]);
    expect(await storage.db.selectFrom('events').select('message').execute()).toEqual([
      { message: 'of before' },
    ]);
    const device = await storage.db.selectFrom('devices').selectAll().executeTakeFirstOrThrow();
    expect(device).toMatchObject({ desired: '{}', reported: null, revoked_at: null, refusal: null });
  });

  test('a token is listed without its secret, and enrols nobody once it is revoked', async () => {
    const secret = await secretOf({ maxUses: 3 });
    await enrol(secret);
    const [token] = await identity.listTokens();
    expect(token).toMatchObject({ tags: { site: 'north' }, maxUses: 3, uses: 1, revokedAt: null });
    expect(JSON.stringify(token)).not.toContain(secret.split('.')[1]);
    await identity.revokeToken(token?.id ?? '', 'admin');
    await expect(enrol(secret, 'edge-2')).rejects.toMatchObject({ code: 'TOKEN_REVOKED' });
    await expect(identity.revokeToken(token?.id ?? '', 'admin')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await identity.listTokens())[0]).toMatchObject({ uses: 1, revokedAt: now });
  });

  test('an expired token is TOKEN_EXPIRED', async () => {
    const secret = await secretOf();
    now += 60_000;
    await expect(enrol(secret)).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' });
  });

  test('a secret that is not the token’s is TOKEN_UNKNOWN, with or without a known id', async () => {
    const secret = await secretOf();
    const [id] = secret.split('.');
    for (const wrong of [`${id}.${'A'.repeat(43)}`, 'x'.repeat(50), id ?? '', ''])
      await expect(enrol(wrong)).rejects.toMatchObject({ code: 'TOKEN_UNKNOWN' });
  });

  test.each([
    ['no PEM', async () => 'nonsense'],
    ['another curve', () => request(undefined, { ...p256, namedCurve: 'P-384' })],
    [
      'a signature of another key',
      async () => {
        const pem = await request();
        const der = Buffer.from(pem.replace(/-----.*?-----/g, ''), 'base64');
        der[der.length - 5] = (der.at(-5) ?? 0) ^ 1;
        return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----`;
      },
    ],
  ])('a request with %s is INVALID_DOCUMENT and takes no use', async (_what, csr) => {
    const secret = await secretOf();
    await expect(enrol(secret, 'edge-1', await csr())).rejects.toMatchObject({ code: 'INVALID_DOCUMENT' });
    await enrol(secret);
  });

  test('an id that is no name, too many tags, and anything else than a document are INVALID_DOCUMENT', async () => {
    const many = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`t${index}`, 'x']));
    const secret = await secretOf({ tags: many });
    const attempts = [() => enrol(secret), () => enrol(secret, '../x'), () => identity.enrol(null, urls)];
    for (const attempt of attempts)
      await expect(attempt()).rejects.toMatchObject({ code: 'INVALID_DOCUMENT' });
  });

  test('without a root of trust no token is made', async () => {
    await storage.db.deleteFrom('trust_files').execute();
    await expect(secretOf()).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('a device that asks for a root that never was gets none', async () => {
    const asked = { secret: await secretOf(), deviceId: 'edge-1', csrPem: await request(), tags: {} };
    await expect(identity.enrol({ ...asked, trustDigest: '0'.repeat(64) }, urls)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});

describe('renewal', () => {
  const dayMs = 86_400_000;
  const renew = async (pem: string, csrPem?: string) =>
    (await identity.renew(new X509Certificate(pem), { csrPem: csrPem ?? (await request()) })).certificatePem;
  const isDue = async (pem: string) => (await identity.check(new X509Certificate(pem))).isRenewalDue;

  test('is due when two thirds of the life are over, and the new certificate ends the old one when it is used', async () => {
    const { certificatePem: first } = await enrol(await secretOf());
    now += 243 * dayMs;
    expect(await isDue(first)).toBe(false);
    now += dayMs;
    expect(await isDue(first)).toBe(true);
    const second = await renew(first);
    now += dayMs;
    expect(await checkOf(first)).toBe('good');
    expect(await isDue(second)).toBe(false);
    // Requests under way with the old one are finished.
    expect(await checkOf(first)).toBe('good');
    now += 300_000;
    expect(await checkOf(first)).toBe('CERTIFICATE_SUPERSEDED');
    await expect(renew(first)).rejects.toMatchObject({ code: 'CERTIFICATE_SUPERSEDED' });
    const { entries } = await queryAudit(storage.db, { subject: 'device:edge-1', limit: 10 });
    expect(entries.map(({ action }) => action)).toEqual([
      'device.certificate',
      'device.renew',
      'device.enrol',
    ]);
  });

  test('whose answers are lost is asked for again with the same key, as often as need be', async () => {
    const { certificatePem: first } = await enrol(await secretOf());
    const csr = await request(await newKeys());
    let last = '';
    for (let time = 0; time < 9; time++) last = await renew(first, csr);
    expect(await checkOf(first)).toBe('good');
    expect(await checkOf(last)).toBe('good');
    expect(await storage.db.selectFrom('certificates').selectAll().execute()).toHaveLength(5);
  });

  test('of an expired certificate is possible for a year and a day, and nothing else is', async () => {
    const { certificatePem: first } = await enrol(await secretOf());
    now += 365 * dayMs;
    expect(await checkOf(first)).toBe('CERTIFICATE_EXPIRED');
    now += 366 * dayMs - 2_000;
    expect(await checkOf(first, 'renewal')).toBe('good');
    expect(await checkOf(await renew(first))).toBe('good');
    const other = await enrol(await secretOf(), 'edge-2');
    now += 731 * dayMs;
    await expect(renew(other.certificatePem)).rejects.toMatchObject({ code: 'CERTIFICATE_EXPIRED' });
  });

  test('is refused to a device that is revoked, reset or in quarantine, expired or not', async () => {
    const refusals = {
      revoked: 'DEVICE_REVOKED',
      reset: 'DEVICE_REVOKED',
      quarantined: 'DEVICE_QUARANTINED',
    };
    for (const [refusal, code] of Object.entries(refusals)) {
      const { certificatePem } = await enrol(await secretOf(), `edge-${refusal}`);
      await identity.refuse(`edge-${refusal}`, refusal as 'revoked', 'admin');
      await expect(renew(certificatePem)).rejects.toMatchObject({ code });
      now += 400 * dayMs;
      await expect(renew(certificatePem)).rejects.toMatchObject({ code });
    }
  });

  test('gives no certificate for a key that was given up or is another device’s', async () => {
    const [keys, foreign] = [await newKeys(), await newKeys()];
    const { certificatePem: first } = await enrol(await secretOf(), 'edge-1', await request(keys));
    await enrol(await secretOf(), 'edge-2', await request(foreign));
    const second = await renew(first);
    expect(await checkOf(second)).toBe('good');
    for (const used of [keys, foreign])
      await expect(renew(second, await request(used))).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(renew(second, 'nonsense')).rejects.toMatchObject({ code: 'INVALID_DOCUMENT' });
  });

  test('is refused to a certificate of another authority with the same name in it', async () => {
    const folder2 = await mkdtemp(join(tmpdir(), 'covey-identity-'));
    const storage2 = await openStorage({ file: ':memory:', blobFolder: folder2, disk: systemDisk });
    const ports = { clock, random: systemRandom, disk: systemDisk };
    const other = await openIdentity({ folder: folder2, names: [], storage: storage2, trust, ...ports });
    await rm(folder2, { recursive: true });
    await storage2.close();
    expect(await checkOf(other.server.certificate, 'renewal')).toBe('CERTIFICATE_UNKNOWN');
  });
});
