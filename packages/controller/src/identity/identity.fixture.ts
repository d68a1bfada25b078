import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@covey/bundle';
import { type Clock, type Disk, systemClock, systemDisk, systemRandom } from '@covey/ports';
import type { CoveyError, EnrolmentAnswer } from '@covey/protocol';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { openStorage, type Storage } from '../storage/index.ts';
import type { Trust } from '../trust/index.ts';
import { trustFixture } from '../trust.fixture.ts';
import { type Identity, openIdentity } from './index.ts';

type Keys = { publicKey: CryptoKey; privateKey: CryptoKey };

const p256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
export const urls = { mqttUrl: 'mqtts://c:8883', deviceUrl: 'https://c:8443' };

/** For tests: a controller's identity on a clock that the test moves, and devices that enrol. */
export interface IdentityBench {
  now: number;
  folder: string;
  storage: Storage;
  trust: Trust;
  identity: Identity;
  /** The same data opened again. */
  open(disk?: Disk): Promise<Identity>;
  secretOf(options?: { maxUses?: number; tags?: Record<string, string> }): Promise<string>;
  enrol(secret: string, deviceId?: string, csrPem?: string): Promise<EnrolmentAnswer>;
  /** What the controller says to a device that shows this certificate: `good`, or the code of the refusal. */
  checkOf(pem: string, purpose?: 'use' | 'renewal'): Promise<string>;
  close(): Promise<void>;
}

export async function openIdentityBench(): Promise<IdentityBench> {
  const folder = await mkdtemp(join(tmpdir(), 'covey-identity-'));
  const storage = await openStorage({
    file: ':memory:',
    blobFolder: join(folder, 'blobs'),
    disk: systemDisk,
  });
  const started = Date.now();
  const clock: Clock = { ...systemClock, now: () => bench?.now ?? started };
  let bench: IdentityBench | undefined;
  const trust = await trustFixture(storage, clock);
  const open = (disk = systemDisk) =>
    openIdentity({
      folder,
      names: ['covey.example', '10.1.2.3'],
      storage,
      clock,
      random: systemRandom,
      disk,
      trust,
    });
  const identity = await open();
  bench = {
    now: started,
    folder,
    storage,
    trust,
    identity,
    open,
    secretOf: async ({ maxUses = 1, tags = { site: 'north' } } = {}) => {
      const created = { url: 'https://c:8080', tags, maxUses, validMs: 60_000, createdBy: 'admin' };
      const { token } = await identity.createToken(created);
      return JSON.parse(Buffer.from(token.slice('covey1.'.length), 'base64url').toString()).secret;
    },
    enrol: async (secret, deviceId = 'edge-1', csrPem) => {
      const tags = { site: 'south', rack: '7' };
      const trustDigest = sha256(await trust.root());
      const asked = { secret, deviceId, csrPem: csrPem ?? (await request()), tags, trustDigest };
      return identity.enrol(asked, urls);
    },
    checkOf: (pem, purpose) =>
      identity.check(new X509Certificate(pem), purpose).then(
        () => 'good',
        (error: CoveyError) => error.code,
      ),
    close: async () => {
      await storage.close();
      await rm(folder, { recursive: true });
    },
  };
  return bench;
}

export async function request(keys?: Keys, algorithm = p256): Promise<string> {
  const used = keys ?? (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']));
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=whoever',
    keys: used,
    signingAlgorithm: algorithm,
  });
  return csr.toString('pem');
}

export const newKeys = (): Promise<Keys> => crypto.subtle.generateKey(p256, true, ['sign', 'verify']);
