import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock, systemDisk, systemRandom } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStorage, type Storage } from '../storage/index.ts';
import { trustFixture } from '../trust.fixture.ts';
import { createAuthorityFiles, type OwnAuthority, openAuthority } from './authority.ts';
import type { DeviceAuthorityOptions } from './device-authority.ts';
import { type Identity, openIdentity } from './index.ts';
import { checkRequest } from './request.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const urls = { mqttUrl: 'mqtts://c:8883', deviceUrl: 'https://c:8443' };
const dayMs = 86_400_000;
let now: number;
let folder: string;
let storage: Storage;
let enterprise: OwnAuthority;
const clock: Clock = { ...systemClock, now: () => now };

beforeEach(async () => {
  now = Date.now();
  folder = await mkdtemp(join(tmpdir(), 'covey-identity-'));
  storage = await openStorage({ file: ':memory:', blobFolder: join(folder, 'blobs'), disk: systemDisk });
  enterprise = await openAuthority(await createAuthorityFiles(systemRandom, now), systemRandom);
});
afterEach(async () => {
  await storage.close();
  await rm(folder, { recursive: true });
});

async function open(options: Partial<DeviceAuthorityOptions> | undefined = {}): Promise<Identity> {
  const trust = await trustFixture(storage, clock);
  const ports = { storage, clock, random: systemRandom, disk: systemDisk, trust };
  const deviceAuthority: DeviceAuthorityOptions = { caPem: enterprise.pem, idFrom: 'cn', ...options };
  return openIdentity({ folder, names: [], ...ports, deviceAuthority });
}

async function request(): Promise<string> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const csr = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: algorithm });
  return csr.toString('pem');
}

/** A certificate that the enterprise made before, and the request that proves its key. */
async function made(device: string, authority = enterprise) {
  const csrPem = await request();
  const { pem } = await authority.issueDevice(device, await checkRequest(csrPem), now);
  return { csrPem, certificatePem: pem };
}

async function enrol(
  identity: Identity,
  asked: { csrPem: string; certificatePem?: string },
  deviceId = 'edge-1',
) {
  const created = { url: 'https://c:8080', tags: {}, maxUses: 1, validMs: 60_000, createdBy: 'admin' };
  const { token } = await identity.createToken(created);
  const { secret, trustDigest } = JSON.parse(
    Buffer.from(token.slice('covey1.'.length), 'base64url').toString(),
  );
  return identity.enrol({ secret, trustDigest, deviceId, tags: {}, ...asked }, urls);
}

const standing = (identity: Identity, pem: string) => identity.check(new X509Certificate(pem));

describe('certificates that an enterprise made before', () => {
  test('are taken as they are, and made anew by nobody but it', async () => {
    const identity = await open();
    const first = await made('edge-1');
    expect((await enrol(identity, first)).certificatePem).toBe(first.certificatePem);
    expect(identity.server.ca).toContain(enterprise.pem);
    now += 300 * dayMs;
    expect(await standing(identity, first.certificatePem)).toEqual({ device: 'edge-1', isRenewalDue: false });
    const renewal = identity.renew(new X509Certificate(first.certificatePem), { csrPem: await request() });
    await expect(renewal).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    // Another key for the same id needs no reset: the enterprise vouches for it.
    const second = await made('edge-1');
    await enrol(identity, second);
    now += dayMs;
    expect((await standing(identity, second.certificatePem)).device).toBe('edge-1');
    await expect(standing(identity, first.certificatePem)).rejects.toMatchObject({
      code: 'CERTIFICATE_SUPERSEDED',
    });
  });

  test.each<[string, () => Promise<{ csrPem: string; certificatePem: string }>]>([
    [
      'of another authority',
      async () =>
        made('edge-1', await openAuthority(await createAuthorityFiles(systemRandom, now), systemRandom)),
    ],
    ['of another device', () => made('edge-2')],
    ['for another key', async () => ({ ...(await made('edge-1')), csrPem: await request() })],
    [
      'for servers',
      async () => ({
        csrPem: await request(),
        certificatePem: (await enterprise.issueServer(['edge-1'], now)).certificate,
      }),
    ],
    [
      'that are the authority itself',
      async () => ({ csrPem: await request(), certificatePem: enterprise.pem }),
    ],
    ['that are none', async () => ({ csrPem: await request(), certificatePem: 'x' })],
  ])('%s are refused', async (_what, asked) => {
    await expect(enrol(await open(), await asked())).rejects.toMatchObject({ code: 'CA_FAILED' });
  });

  test('do not bring a revoked device back', async () => {
    const identity = await open();
    await enrol(identity, await made('edge-1'));
    await identity.refuse('edge-1', 'revoked', 'admin');
    await expect(enrol(identity, await made('edge-1'))).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('an enterprise’s authority that is asked', () => {
  const issue = async (csrPem: string, device: string) =>
    (await enterprise.issueDevice(device, await checkRequest(csrPem), now)).pem;

  test('makes the first certificate and each one after it', async () => {
    const identity = await open({ issue });
    const ca = new X509Certificate(enterprise.pem);
    const { certificatePem } = await enrol(identity, { csrPem: await request() });
    expect(new X509Certificate(certificatePem).verify(ca.publicKey)).toBe(true);
    now += 250 * dayMs;
    expect(await standing(identity, certificatePem)).toEqual({ device: 'edge-1', isRenewalDue: true });
    const next = await identity.renew(new X509Certificate(certificatePem), { csrPem: await request() });
    expect(new X509Certificate(next.certificatePem).verify(ca.publicKey)).toBe(true);
    expect(await standing(identity, next.certificatePem)).toEqual({ device: 'edge-1', isRenewalDue: false });
  });

  test('that fails, or answers with a certificate for others, leaves everything as it was', async () => {
    const failing = await open({
      issue: async () => {
        throw new CoveyError('CA_FAILED', 'no such key');
      },
    });
    await expect(enrol(failing, { csrPem: await request() })).rejects.toMatchObject({ code: 'CA_FAILED' });
    const wrong = await open({ issue: (csrPem) => issue(csrPem, 'edge-9') });
    await expect(enrol(wrong, { csrPem: await request() })).rejects.toMatchObject({ code: 'CA_FAILED' });
    expect(await storage.db.selectFrom('devices').selectAll().execute()).toEqual([]);
  });
});

test('a file that names no authority, or holds its key too, is INVALID_ARGUMENT', async () => {
  const { certificate, key } = await createAuthorityFiles(systemRandom, now);
  const server = await enterprise.issueServer(['localhost'], now);
  for (const caPem of [
    '',
    'PEM',
    key,
    certificate + key,
    server.certificate,
    certificate + server.certificate,
  ])
    await expect(open({ caPem })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  const damaged = certificate.replace(/\nMII.{20}/, '\nMIIA');
  await expect(open({ caPem: damaged })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await open({ caPem: enterprise.pem + certificate });
});
