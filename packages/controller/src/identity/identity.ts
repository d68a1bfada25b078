import { X509Certificate } from 'node:crypto';
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
import type { Db, DeviceRefusal, Storage } from '../storage/index.ts';
import type { Trust } from '../trust/index.ts';
import { type Authorities, openAuthorities } from './authorities.ts';
import type { CertificateAuthority } from './authority.ts';
import { checkCertificate, fingerprintOf, type Purpose } from './certificates.ts';
import {
  type DeviceAuthority,
  type DeviceAuthorityOptions,
  openDeviceAuthority,
} from './device-authority.ts';
import { type EnrolmentUrls, enrol } from './enrol.ts';
import { type IdentityFiles, identityFiles } from './files.ts';
import { refuseDevice } from './refusals.ts';
import { isRenewalDue, renew } from './renew.ts';
import { createServerCredentials, type ServerCredentials } from './server.ts';
import { createSecret, encodeToken, listTokens, revokeToken, type TokenView } from './tokens.ts';

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
  /** PEM of the CA certificate that signs the server's, for GET /enrol/ca; during a change of the CA the next one follows. */
  readonly caPem: string;
  /** SHA-256 of the CA certificate's DER, hex. */
  readonly caFingerprint: string;
  /** For every TLS listener of the controller: made anew at each start, and when half of its two years are over. */
  readonly server: ServerCredentials;
  /** Calls back whenever `server` has changed. */
  onServerChange(listener: (server: ServerCredentials) => void): void;
  /** Calls back when a certificate is shown that a later one has replaced. */
  onSuperseded(listener: (device: string, message: string) => void): void;
  /** Makes the server's certificate anew when its time has come; to be called once a day. */
  renewServer(): Promise<void>;
  /** Which authorities there are, and how many devices still have a certificate of one that ends. */
  authority(): Promise<AuthorityView>;
  /** Begins a change of the CA, or finishes it. Errors: CONFLICT (under way, or not; devices behind, unless forced). */
  rotate(step: 'begin' | 'finish', options: { force: boolean; actor: string }): Promise<AuthorityView>;
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

export interface AuthorityView {
  fingerprint: string;
  /** Of the CA that is to take over. */
  nextFingerprint: string | null;
  /** Devices, not refused, that have not yet renewed their certificate by the next CA. */
  devicesBehind: string[];
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
  /** An enterprise's own authority for devices. */
  deviceAuthority?: DeviceAuthorityOptions;
  /** Where the root comes from that devices begin to trust from. */
  trust: Pick<Trust, 'root'>;
}

const tokenUsesMax = 100_000;
const tokenValidMsMax = 366 * 86_400_000;

/** Errors: DATA_CORRUPT when stored files cannot be read or are missing, DISK_FULL. */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { folder, names, storage, clock, random, disk, trust } = options;
  const files = identityFiles(disk, folder);
  await checkAuthorityKept(storage.db, files);
  const authorities = await openAuthorities(files, random, clock.now());
  const deviceAuthority = options.deviceAuthority && openDeviceAuthority(options.deviceAuthority);
  const server = await createServerCredentials(authorities, deviceAuthority?.pem ?? '', names, clock);
  const adminToken = await files.adminToken(random);
  return {
    get caPem() {
      return authorities.pem;
    },
    get caFingerprint() {
      return authorities.serving.fingerprint;
    },
    get server() {
      return server.credentials;
    },
    onServerChange: server.onChange,
    renewServer: server.renewWhenDue,
    authority: () => authorityView(storage.db, authorities),
    rotate: async (step, { force, actor }) => {
      const { devicesBehind } = await authorityView(storage.db, authorities);
      if (step === 'finish' && devicesBehind.length > 0 && !force)
        throw new CoveyError(
          'CONFLICT',
          `${devicesBehind.length} devices do not know the next authority yet, such as ${devicesBehind.slice(0, 3).join(', ')}: they could not connect any more`,
        );
      if (step === 'begin') await authorities.begin(clock.now());
      else await authorities.finish();
      await server.renew();
      const view = await authorityView(storage.db, authorities);
      const entry = { at: clock.now(), actor, action: `authority.${step}`, subject: 'authority' };
      await writeAudit(storage.db, { ...entry, detail: { ...view, devicesBehind: devicesBehind.length } });
      return view;
    },
    adminToken,
    createToken: (request) =>
      createToken({ ...options, caFingerprint: authorities.serving.fingerprint }, request),
    enrol: (request, urls) =>
      enrol({ storage, authorities, deviceAuthority, trust, now: clock.now() }, request, urls),
    listTokens: () => listTokens(storage.db),
    revokeToken: (id, actor) => revokeToken(storage, id, { actor, now: clock.now() }),
    refuse: (device, refusal, actor) => refuseDevice(storage, device, refusal, { actor, now: clock.now() }),
    ...checksOf(options, authorities, deviceAuthority),
  };
}

function deviceIn(
  certificate: X509Certificate,
  { serving, next }: Authorities,
  deviceAuthority: DeviceAuthority | undefined,
): string {
  const isOwn = [serving, next].some(
    (own) => own && certificate.verify(new X509Certificate(own.pem).publicKey),
  );
  if (deviceAuthority && !isOwn) return deviceAuthority.deviceOf(certificate);
  const name = /^CN=(.*)$/m.exec(certificate.subject)?.[1];
  return checkDocument(DeviceIdSchema, name, 'common name of the certificate');
}

/** Errors: UNSUPPORTED when the certificate was made by an authority that is not asked by the controller. */
function issuerFor(
  { device, issuer }: { device: string; issuer: string },
  authorities: Authorities,
  deviceAuthority: DeviceAuthority | undefined,
): CertificateAuthority {
  if (deviceAuthority?.issuing) return deviceAuthority.issuing;
  if (issuer !== 'external') return authorities.issuing;
  throw new CoveyError(
    'UNSUPPORTED',
    `the certificate of ${device} is made anew by its own authority: enrol the device with it (--replace --certificate --key)`,
  );
}

/** Who shows a certificate, whether it is good, and its successor. */
function checksOf(
  { storage, clock }: Pick<IdentityOptions, 'storage' | 'clock'>,
  authorities: Authorities,
  deviceAuthority: DeviceAuthority | undefined,
): Pick<Identity, 'deviceOf' | 'onSuperseded' | 'check' | 'renew'> {
  const listeners: ((device: string, message: string) => void)[] = [];
  const deviceOf = (certificate: X509Certificate) => deviceIn(certificate, authorities, deviceAuthority);
  const checked = async (certificate: X509Certificate, purpose: Purpose, now: number) => {
    try {
      return await checkCertificate(storage, fingerprintOf(certificate), purpose, now);
    } catch (error) {
      if (error instanceof CoveyError && error.code === 'CERTIFICATE_SUPERSEDED')
        for (const listener of listeners) listener(deviceOf(certificate), error.message);
      throw error;
    }
  };
  return {
    deviceOf,
    onSuperseded: (listener) => void listeners.push(listener),
    check: async (certificate, purpose = 'use') => {
      const now = clock.now();
      const row = await checked(certificate, purpose, now);
      return { device: row.device, isRenewalDue: isRenewalDue(row, authorities, deviceAuthority, now) };
    },
    renew: async (certificate, request) => {
      const now = clock.now();
      const present = await checked(certificate, 'renewal', now);
      const authority = issuerFor(present, authorities, deviceAuthority);
      const issued = await renew({ storage, authority, now }, present, request);
      return { certificatePem: issued.pem, caPem: authorities.pem, now };
    },
  };
}

type TokenContext = Pick<IdentityOptions, 'storage' | 'clock' | 'random' | 'trust'> & {
  caFingerprint: string;
};

async function createToken(context: TokenContext, request: TokenRequest): Promise<NewToken> {
  const { storage, clock, random, caFingerprint, trust } = context;
  const trustDigest = sha256(await trust.root());
  const { url, maxUses, validMs, createdBy } = request;
  checkCount('maxUses', maxUses, tokenUsesMax);
  checkCount('validMs', validMs, tokenValidMsMax);
  const tags = JSON.stringify(checkDocument(TagsSchema, request.tags, 'tags'));
  const { id, secret, secretHash } = createSecret(random);
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

/** With a new authority no device would believe the controller again, nor know why. */
async function checkAuthorityKept(db: Db, files: IdentityFiles): Promise<void> {
  if (await files.hasAuthority()) return;
  const certificates = await db.selectFrom('certificates').select('device').limit(1).execute();
  if (certificates.length > 0)
    throw new CoveyError(
      'DATA_CORRUPT',
      'the certificate authority (folder ca) is missing, and devices are enrolled by it: restore the folder from a backup',
    );
}

async function authorityView(db: Db, { serving, next }: Authorities): Promise<AuthorityView> {
  const behind = next
    ? await db
        .selectFrom('devices')
        .innerJoin('certificates', 'certificates.device', 'devices.id')
        .select('devices.id')
        .where('devices.refusal', 'is', null)
        .where('certificates.state', '=', 'current')
        .where('certificates.issuer', '=', serving.fingerprint)
        .orderBy('devices.id')
        .execute()
    : [];
  return {
    fingerprint: serving.fingerprint,
    nextFingerprint: next?.fingerprint ?? null,
    devicesBehind: behind.map(({ id }) => id),
  };
}

function checkCount(field: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new CoveyError('INVALID_ARGUMENT', `${field} is ${value}; 1 to ${max} is possible`);
}
