import type { X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { sha256 } from '@covey/bundle';
import type { Clock, Disk, Random } from '@covey/ports';
import {
  CoveyError,
  checkDocument,
  DeviceIdSchema,
  type EnrolmentAnswer,
  EnrolmentTokenSchema,
  type RenewalAnswer,
  type Tags,
  TagsSchema,
} from '@covey/protocol';
import { writeAudit } from '../audit/index.ts';
import type { DeviceRefusal, Storage } from '../storage/index.ts';
import type { Trust } from '../trust/index.ts';
import { type OwnAuthority, openAuthority } from './authority.ts';
import { checkCertificate, fingerprintOf, type Purpose } from './certificates.ts';
import { type EnrolmentUrls, enrol } from './enrol.ts';
import { identityFiles } from './files.ts';
import { refuseDevice } from './refusals.ts';
import { isRenewalDue, renew } from './renew.ts';
import { createSecret, encodeToken, listTokens, revokeToken, type TokenView } from './tokens.ts';

/** PEM texts. */
export interface ServerCredentials {
  ca: string;
  certificate: string;
  key: string;
}

export interface TokenRequest {
  /** Base address of the enrolment listener, such as https://host:8080. */
  url: string;
  /** Every device that enrols with the token gets these. */
  tags: Tags;
  maxUses: number;
  /** How long the token is good for. */
  validMs: number;
  /** Actor, for the audit log. */
  createdBy: string;
}

export interface NewToken {
  id: string;
  /** `covey1.` + base64url; shown once, stored nowhere. */
  token: string;
  expiresAt: number;
}

export interface Identity {
  /** PEM of the CA certificate, for GET /enrol/ca. */
  caPem: string;
  /** SHA-256 of the CA certificate's DER, hex. */
  caFingerprint: string;
  /** For every TLS listener of the controller: made anew at each start, good for two years. */
  server: ServerCredentials;
  /** Bearer token of /v1 (file admin.token). */
  adminToken: string;
  /** Errors: CONFLICT while there is no root of trust, INVALID_DOCUMENT, INVALID_ARGUMENT. */
  createToken(request: TokenRequest): Promise<NewToken>;
  /** Newest first. */
  listTokens(): Promise<TokenView[]>;
  /** Errors: NOT_FOUND. */
  revokeToken(id: string, actor: string): Promise<void>;
  /**
   * `request` as it came in. Errors: INVALID_DOCUMENT, TOKEN_UNKNOWN, TOKEN_USED, TOKEN_EXPIRED, TOKEN_REVOKED, CONFLICT (id in
   * use, no root of trust), NOT_FOUND (no root of the digest asked for).
   */
  enrol(request: unknown, urls: EnrolmentUrls): Promise<EnrolmentAnswer>;
  /** Refuses a device from now on, see `refuseDevice`. Errors: NOT_FOUND. The caller ends the device's connections. */
  refuse(device: string, refusal: DeviceRefusal, actor: string): Promise<void>;
  /** The device that a certificate names, before it was checked. Errors: INVALID_DOCUMENT. */
  deviceOf(certificate: X509Certificate): string;
  /**
   * Who shows this certificate over TLS. Errors: CERTIFICATE_UNKNOWN, DEVICE_REVOKED, DEVICE_QUARANTINED,
   * CERTIFICATE_SUPERSEDED, CERTIFICATE_EXPIRED.
   */
  check(certificate: X509Certificate, purpose?: Purpose): Promise<CheckedIdentity>;
  /** A new certificate for a device that shows its present one. `request` as it came in. Errors: as `check` and `renew`. */
  renew(certificate: X509Certificate, request: unknown): Promise<RenewalAnswer>;
}

export interface CheckedIdentity {
  device: string;
  isRenewalDue: boolean;
}

export interface IdentityOptions {
  /** The controller's data folder; holds ca/ and admin.token. */
  folder: string;
  /** Host names and addresses for the server's certificate besides localhost, 127.0.0.1, ::1 and the host's name. */
  names: readonly string[];
  storage: Storage;
  clock: Clock;
  random: Random;
  disk: Disk;
  /** Where the root comes from that devices begin to trust from. */
  trust: Pick<Trust, 'root'>;
}

const tokenUsesMax = 100_000;
const tokenValidMsMax = 366 * 86_400_000;

/** Errors: DATA_CORRUPT when stored files cannot be read, DISK_FULL. */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { folder, names, storage, clock, random, disk, trust } = options;
  const files = identityFiles(disk, folder);
  const authority = await openAuthority(await files.authority(random, clock.now()), random);
  const allNames = [...new Set(['localhost', '127.0.0.1', '::1', hostname(), ...names])];
  const server = await authority.issueServer(allNames, clock.now());
  const adminToken = await files.adminToken(random);
  return {
    caPem: authority.pem,
    caFingerprint: authority.fingerprint,
    server: { ca: authority.pem, ...server },
    adminToken,
    createToken: (request) => createToken({ ...options, authority }, request),
    enrol: (request, urls) => enrol({ storage, authority, trust, now: clock.now() }, request, urls),
    listTokens: () => listTokens(storage.db),
    revokeToken: (id, actor) => revokeToken(storage, id, { actor, now: clock.now() }),
    refuse: (device, refusal, actor) => refuseDevice(storage, device, refusal, { actor, now: clock.now() }),
    deviceOf: ({ subject }) =>
      checkDocument(DeviceIdSchema, /^CN=(.*)$/m.exec(subject)?.[1], 'common name of the certificate'),
    check: async (certificate, purpose = 'use') => {
      const now = clock.now();
      const row = await checkCertificate(storage, fingerprintOf(certificate), purpose, now);
      return { device: row.device, isRenewalDue: isRenewalDue(row, undefined, now) };
    },
    renew: async (certificate, request) => {
      const now = clock.now();
      const present = await checkCertificate(storage, fingerprintOf(certificate), 'renewal', now);
      const issued = await renew({ storage, authority, now }, present, request);
      return { certificatePem: issued.pem, caPem: authority.pem, now };
    },
  };
}

type TokenContext = Pick<IdentityOptions, 'storage' | 'clock' | 'random' | 'trust'> & {
  authority: OwnAuthority;
};

async function createToken(context: TokenContext, request: TokenRequest): Promise<NewToken> {
  const { storage, clock, random, authority, trust } = context;
  const trustDigest = sha256(await trust.root());
  const { url, maxUses, validMs, createdBy } = request;
  checkCount('maxUses', maxUses, tokenUsesMax);
  checkCount('validMs', validMs, tokenValidMsMax);
  const tags = JSON.stringify(checkDocument(TagsSchema, request.tags, 'tags'));
  const { id, secret, secretHash } = createSecret(random);
  const caFingerprint = authority.fingerprint;
  const token = checkDocument(
    EnrolmentTokenSchema,
    { url, caFingerprint, trustDigest, secret },
    'enrolment token',
  );
  const at = clock.now();
  const expiresAt = at + validMs;
  await storage.transaction(async (tx) => {
    const row = { id, secret_hash: secretHash, tags, max_uses: maxUses, expires_at: expiresAt };
    await tx
      .insertInto('tokens')
      .values({ ...row, created_at: at, created_by: createdBy })
      .execute();
    const entry = { at, actor: createdBy, action: 'token.create', subject: `token:${id}` };
    await writeAudit(tx, { ...entry, detail: { tags: request.tags, maxUses, expiresAt } });
  });
  return { id, token: encodeToken(token), expiresAt };
}

function checkCount(field: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new CoveyError('INVALID_ARGUMENT', `${field} is ${value}; 1 to ${max} is possible`);
}
