import { createHash, X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { CoveyError } from '@covey/protocol';
import type { Selectable } from 'kysely';
import { writeAudit } from '../audit/index.ts';
import type { CertificatesTable, Db, DevicesTable, Storage, Tx } from '../storage/index.ts';
import type { IssuedCertificate } from './authority.ts';

/** What a certificate is presented for: an expired one may still be exchanged for a new one. */
export type Purpose = 'use' | 'renewal';

export type CertificateRow = Selectable<CertificatesTable>;

/** A device that was dark for so long after its certificate ended still renews it, by the key it has. */
const renewalGraceMs = 366 * 86_400_000;
/** Requests under way when a certificate was replaced are finished with the old one. */
const overlapMs = 300_000;
/** Certificates made for a device and not used yet: answers to its renewals may be lost a few times. */
const unusedMax = 4;

/**
 * Whether a connection shows a certificate that is of an authority of ours but perhaps for its dates, and has proven to hold
 * its key. Strangers are turned away by this before they say a word. What decides is `checkCertificate`, with the
 * controller's clock: the TLS library names only the last fault that it found.
 */
export function isIssuedHere({ authorized, authorizationError }: TLSSocket): boolean {
  const fault: unknown = authorizationError;
  return authorized || fault === 'CERT_HAS_EXPIRED' || fault === 'CERT_NOT_YET_VALID';
}

/** SHA-256 of the DER, hex. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** SHA-256 of the public key (SPKI), hex. */
export function keyFingerprintOf({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** Writes down a certificate that was made or accepted; it counts from its first use on. */
export async function recordCertificate(
  tx: Tx,
  device: string,
  issued: IssuedCertificate,
  now: number,
): Promise<CertificateRow> {
  const certificate = new X509Certificate(issued.pem);
  const row: CertificateRow = {
    fingerprint: fingerprintOf(certificate),
    device,
    serial: certificate.serialNumber.toLowerCase().replace(/^0+(?=.)/, ''),
    key_fingerprint: keyFingerprintOf(certificate),
    issuer: issued.issuer,
    issued_at: now,
    expires_at: certificate.validToDate.getTime(),
    state: 'issued',
    changed_at: now,
  };
  const unused = await tx
    .selectFrom('certificates')
    .select('fingerprint')
    .where('device', '=', device)
    .where('state', '=', 'issued')
    .orderBy('issued_at', 'desc')
    .offset(unusedMax - 1)
    .limit(unusedMax)
    .execute();
  for (const { fingerprint } of unused)
    await tx.deleteFrom('certificates').where('fingerprint', '=', fingerprint).execute();
  await tx
    .insertInto('certificates')
    .values(row)
    .onConflict((conflict) => conflict.column('fingerprint').doNothing())
    .execute();
  return row;
}

/**
 * Whether a key is new, or one that the device holds now. Errors: CONFLICT when it is another device's, or was given up: a key
 * that was replaced or withdrawn never comes back.
 */
export async function keyUse(tx: Tx, device: string, keyFingerprint: string): Promise<'new' | 'held'> {
  const rows = await tx
    .selectFrom('certificates')
    .select(['device', 'state'])
    .where('key_fingerprint', '=', keyFingerprint)
    .execute();
  if (rows.length === 0) return 'new';
  const isHeld = rows.some(({ state }) => state === 'issued' || state === 'current');
  if (isHeld && rows.every((row) => row.device === device && row.state !== 'withdrawn')) return 'held';
  throw new CoveyError('CONFLICT', 'the key belongs to another identity or was given up: make a new one');
}

/** The first use of a certificate ends the ones before it. */
export async function makeCurrent(
  tx: Tx,
  { device, fingerprint }: CertificateRow,
  now: number,
): Promise<void> {
  const set = (state: CertificateRow['state']) =>
    tx.updateTable('certificates').set({ state, changed_at: now });
  await set('superseded')
    .where('device', '=', device)
    .where('state', 'in', ['issued', 'current'])
    .where('fingerprint', '!=', fingerprint)
    .execute();
  await set('current').where('fingerprint', '=', fingerprint).execute();
}

/** From now on no certificate that the device has is taken, and none of their keys again. */
export async function withdrawAll(tx: Tx, device: string, now: number): Promise<void> {
  await tx
    .updateTable('certificates')
    .set({ state: 'withdrawn', changed_at: now })
    .where('device', '=', device)
    .where('state', '!=', 'withdrawn')
    .execute();
}

/**
 * The device of a certificate whose key the other side has proven to hold. Looked up by fingerprint, so that it is one that
 * was issued or accepted, whatever the TLS library made of its chain and dates. Errors: CERTIFICATE_UNKNOWN, DEVICE_REVOKED,
 * DEVICE_QUARANTINED, CERTIFICATE_SUPERSEDED, CERTIFICATE_EXPIRED.
 */
export async function checkCertificate(
  storage: Storage,
  fingerprint: string,
  purpose: Purpose,
  now: number,
): Promise<CertificateRow> {
  const row = await findCertificate(storage.db, fingerprint);
  const fault = faultOf(row, purpose, now);
  if (fault) throw fault;
  if (row?.state === 'issued') await takeIntoUse(storage, fingerprint, purpose, now);
  return row as CertificateRow;
}

type Found = (CertificateRow & Pick<Selectable<DevicesTable>, 'refusal'>) | undefined;

function findCertificate(db: Db, fingerprint: string): Promise<Found> {
  return db
    .selectFrom('certificates')
    .innerJoin('devices', 'devices.id', 'certificates.device')
    .selectAll('certificates')
    .select('devices.refusal')
    .where('fingerprint', '=', fingerprint)
    .executeTakeFirst();
}

function faultOf(row: Found, purpose: Purpose, now: number): CoveyError | undefined {
  if (!row) return new CoveyError('CERTIFICATE_UNKNOWN', 'this controller knows no such certificate');
  const { device, refusal, state } = row;
  if (refusal === 'quarantined')
    return new CoveyError(
      'DEVICE_QUARANTINED',
      `device ${device} is in quarantine: two machines used its identity`,
    );
  if (refusal === 'revoked') return new CoveyError('DEVICE_REVOKED', `device ${device} was revoked`);
  if (refusal === 'reset' || state === 'withdrawn')
    return new CoveyError('DEVICE_REVOKED', `the identity of device ${device} was withdrawn by a reset`);
  if (state === 'superseded' && now >= row.changed_at + overlapMs)
    return new CoveyError(
      'CERTIFICATE_SUPERSEDED',
      `a later certificate of device ${device} has been in use since ${new Date(row.changed_at).toISOString()}`,
    );
  const endsAt = row.expires_at + (purpose === 'renewal' ? renewalGraceMs : 0);
  if (now < endsAt) return undefined;
  return new CoveyError(
    'CERTIFICATE_EXPIRED',
    `the certificate of device ${device} ended at ${new Date(row.expires_at).toISOString()}`,
  );
}

/** Read again where it counts: of two that come at once, one is first, and a revocation may have come between. */
async function takeIntoUse(
  storage: Storage,
  fingerprint: string,
  purpose: Purpose,
  now: number,
): Promise<void> {
  await storage.transaction(async (tx) => {
    const row = await findCertificate(tx, fingerprint);
    const fault = faultOf(row, purpose, now);
    if (fault) throw fault;
    if (row?.state !== 'issued') return;
    await makeCurrent(tx, row, now);
    const entry = { at: now, actor: `device:${row.device}`, subject: `device:${row.device}` };
    await writeAudit(tx, { ...entry, action: 'device.certificate', detail: { serial: row.serial } });
  });
}
