import 'reflect-metadata';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPublisherKey, trustDigest, trustRootOf } from '@covey/bundle';
import { type Clock, systemClock, systemDisk, systemRandom } from '@covey/ports';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { queryAudit } from '../audit/index.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { type Identity, openIdentity } from './index.ts';

type Keys = { publicKey: CryptoKey; privateKey: CryptoKey };

const p256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const urls = { mqttUrl: 'mqtts://c:8883', deviceUrl: 'https://c:8443' };
const trustRoot = new TextDecoder().decode(trustRootOf([createPublisherKey().publicKeyPem]));

let now: number;
let folder: string;
let storage: Storage;
let identity: Identity;

const clock: Clock = { ...systemClock, now: () => now };
const open = () =>
  openIdentity({
    folder,
    names: ['covey.example', '10.1.2.3'],
    storage,
    clock,
    random: systemRandom,
    disk: systemDisk,
  });

beforeEach(async () => {
  now = Date.now();
  folder = await mkdtemp(join(tmpdir(), 'covey-identity-'));
  storage = await openStorage({ file: ':memory:', blobFolder: join(folder, 'blobs'), disk: systemDisk });
  identity = await open();
  await identity.setTrustRoot(trustRoot, 'admin');
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

async function secretOf(options: { maxUses?: number; tags?: Record<string, string> } = {}): Promise<string> {
  const { maxUses = 1, tags = { site: 'north' } } = options;
  const created = { url: 'https://c:8080', tags, maxUses, validMs: 60_000, createdBy: 'admin' };
  const { token } = await identity.createToken(created);
  return JSON.parse(Buffer.from(token.slice('covey1.'.length), 'base64url').toString()).secret;
}

const enrol = async (secret: string, deviceId = 'edge-1', csrPem?: string) =>
  identity.enrol(
    { secret, deviceId, csrPem: csrPem ?? (await request()), tags: { site: 'south', rack: '7' } },
    urls,
  );

const serialOf = (pem: string) => new X509Certificate(pem).serialNumber;

describe('the files', () => {
  test('CA, bearer token and trust root stay what they were; the secret ones are for the owner alone', async () => {
    const again = await open();
    expect(again.caPem).toBe(identity.caPem);
    expect(again.adminToken).toBe(identity.adminToken);
    expect(Buffer.from(identity.adminToken, 'base64url')).toHaveLength(32);
    expect(again.trustRoot()).toBe(trustRoot);
    for (const path of ['ca/key.pem', 'ca/ca.pem', 'admin.token', 'trust.json'])
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

  test('a trust root that is none is refused and the old one kept', async () => {
    await expect(identity.setTrustRoot('{}', 'admin')).rejects.toMatchObject({ code: 'INVALID_DOCUMENT' });
    expect((await open()).trustRoot()).toBe(trustRoot);
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
      trustRoot,
      ...urls,
      tags: { site: 'north', rack: '7' },
      now,
    });
    expect(await identity.isRevoked('edge-1', serialOf(answer.certificatePem))).toBe(false);
    const { entries } = await queryAudit(storage.db, { subject: 'device:edge-1', limit: 10 });
    expect(entries).toMatchObject([{ actor: 'device:edge-1', action: 'device.enrol' }]);
  });

  test('a token carries the fingerprint of the CA and the digest of the trust root, and is not stored', async () => {
    const created = { url: 'https://c:8080', tags: {}, maxUses: 1, validMs: 60_000, createdBy: 'admin' };
    const { token } = await identity.createToken(created);
    const content = JSON.parse(Buffer.from(token.slice('covey1.'.length), 'base64url').toString());
    const digest = trustDigest(new TextEncoder().encode(trustRoot));
    expect(content).toMatchObject({
      url: 'https://c:8080',
      caFingerprint: identity.caFingerprint,
      trustDigest: digest,
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
    const keys = await crypto.subtle.generateKey(p256, true, ['sign', 'verify']);
    const secret = await secretOf();
    const first = await enrol(secret, 'edge-1', await request(keys));
    const second = await enrol(secret, 'edge-1', await request(keys));
    expect(await identity.isRevoked('edge-1', serialOf(first.certificatePem))).toBe(true);
    expect(await identity.isRevoked('edge-1', serialOf(second.certificatePem))).toBe(false);
  });

  test('an id in use is CONFLICT for another key and costs no use of the token', async () => {
    await enrol(await secretOf());
    const secret = await secretOf();
    await expect(enrol(secret)).rejects.toMatchObject({ code: 'CONFLICT' });
    await enrol(secret, 'edge-2');
  });

  test('a revoked device starts a new life with a new key only, and its old certificate stays refused', async () => {
    const keys = await crypto.subtle.generateKey(p256, true, ['sign', 'verify']);
    const old = await enrol(await secretOf(), 'edge-1', await request(keys));
    const sequences = { device: 'edge-1', up_to: 9, missing: '[]', boot_id: 'b', rebirth: 0 };
    await storage.db.insertInto('sequences').values(sequences).execute();
    await identity.revoke('edge-1', 'admin');
    expect(await identity.isRevoked('edge-1', serialOf(old.certificatePem))).toBe(true);
    await expect(identity.revoke('edge-1', 'admin')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const same = await request(keys);
    await expect(enrol(await secretOf(), 'edge-1', same)).rejects.toMatchObject({ code: 'CONFLICT' });
    const fresh = await enrol(await secretOf());
    expect(await identity.isRevoked('edge-1', serialOf(fresh.certificatePem))).toBe(false);
    expect(await identity.isRevoked('edge-1', serialOf(old.certificatePem))).toBe(true);
    expect(await storage.db.selectFrom('sequences').selectAll().execute()).toEqual([]);
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

  test('without a trust root no token is made', async () => {
    await rm(join(folder, 'trust.json'));
    identity = await open();
    await expect(secretOf()).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});
