import {
  CoveyError,
  checkDocument,
  type EnrolmentAnswer,
  EnrolmentRequestSchema,
  type Tags,
  TagsSchema,
} from '@covey/protocol';
import { writeAudit } from '../audit/index.ts';
import type { Storage, Tx } from '../storage/index.ts';
import { type Authority, type CheckedRequest, checkRequest, type IssuedCertificate } from './authority.ts';
import { findToken, takeUse } from './tokens.ts';

export interface EnrolmentUrls {
  mqttUrl: string;
  deviceUrl: string;
}

interface EnrolmentContext {
  storage: Storage;
  authority: Authority;
  trustRoot: string | undefined;
  now: number;
}

/**
 * A certificate for a device that shows a token. The token's tags win over the device's own.
 * An id belongs to the key that took it first: the same key may ask again (its answer was lost; no use is taken), another
 * key gets CONFLICT until the device is revoked. Then the id starts a new life, and the old certificate stays refused.
 */
export async function enrol(
  context: EnrolmentContext,
  document: unknown,
  urls: EnrolmentUrls,
): Promise<EnrolmentAnswer> {
  const { storage, authority, trustRoot, now } = context;
  const request = checkDocument(EnrolmentRequestSchema, document, 'enrolment request');
  const { deviceId } = request;
  if (trustRoot === undefined) throw noTrustRoot();
  // Checked before anything is signed, and again in the transaction, where it counts.
  await findToken(storage.db, request.secret, now);
  const checked = await checkRequest(request.csrPem);
  const issued = await authority.issueDevice(deviceId, checked, now);
  const tags = await storage.transaction(async (tx) => {
    const token = await findToken(tx, request.secret, now);
    const merged: Tags = { ...request.tags, ...JSON.parse(token.tags) };
    const device = { id: deviceId, tags: checkDocument(TagsSchema, merged, 'tags') };
    const isRepeat = await claimDevice(tx, device, checked, issued, now);
    if (!isRepeat) await takeUse(tx, token.id);
    const entry = { at: now, actor: `device:${deviceId}`, subject: `device:${deviceId}` };
    const detail = { token: token.id, serial: issued.serial, isRepeat };
    await writeAudit(tx, { ...entry, action: 'device.enrol', detail });
    return device.tags;
  });
  return { deviceId, certificatePem: issued.pem, caPem: authority.pem, trustRoot, ...urls, tags, now };
}

export function noTrustRoot(): CoveyError {
  return new CoveyError(
    'CONFLICT',
    'the controller has no trust root yet: give it one before enrolling devices',
  );
}

/** Whether the device was enrolled with this key already. */
async function claimDevice(
  tx: Tx,
  { id, tags }: { id: string; tags: Tags },
  { keyFingerprint }: CheckedRequest,
  { serial }: IssuedCertificate,
  now: number,
): Promise<boolean> {
  const known = await tx.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirst();
  const certificate = { certificate_serial: serial, key_fingerprint: keyFingerprint };
  if (!known) {
    const row = { id, tags: JSON.stringify(tags), enrolled_at: now, ...certificate };
    await tx.insertInto('devices').values(row).execute();
    return false;
  }
  const isSameKey = known.key_fingerprint === keyFingerprint;
  if (known.revoked_at === null && isSameKey) {
    await tx.updateTable('devices').set(certificate).where('id', '=', id).execute();
    return true;
  }
  if (known.revoked_at === null)
    throw new CoveyError('CONFLICT', `${id} is enrolled with another key: revoke it, or choose another id`);
  if (isSameKey) throw new CoveyError('CONFLICT', `the key of ${id} was revoked: enrol again with a new key`);
  await tx
    .updateTable('devices')
    .set({
      ...certificate,
      tags: JSON.stringify(tags),
      enrolled_at: now,
      revoked_at: null,
      birth: null,
      boot_id: null,
      online: 0,
      desired: null,
      reported: null,
      reported_at: null,
    })
    .where('id', '=', id)
    .execute();
  await tx.deleteFrom('sequences').where('device', '=', id).execute();
  return false;
}
