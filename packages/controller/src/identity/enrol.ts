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
import type { Trust } from '../trust/index.ts';
import type { Authorities } from './authorities.ts';
import type { IssuedCertificate } from './authority.ts';
import { keyUse, makeCurrent, recordCertificate } from './certificates.ts';
import type { DeviceAuthority } from './device-authority.ts';
import { type CheckedRequest, checkRequest } from './request.ts';
import { findToken, takeUse } from './tokens.ts';

export interface EnrolmentUrls {
  mqttUrl: string;
  deviceUrl: string;
}

interface EnrolmentContext {
  storage: Storage;
  authorities: Authorities;
  deviceAuthority: DeviceAuthority | undefined;
  trust: Pick<Trust, 'root'>;
  now: number;
}

/**
 * A certificate for a device that shows a token. The token's tags win over the device's own.
 * An id belongs to the key that took it first: the same key may ask again (its answer was lost; no use is taken), another
 * key gets CONFLICT until an operator resets the device. Then a new key takes the id over, with what is known and wanted of
 * it; a key that was withdrawn never comes back.
 */
export async function enrol(
  context: EnrolmentContext,
  document: unknown,
  urls: EnrolmentUrls,
): Promise<EnrolmentAnswer> {
  const { storage, authorities, trust, now } = context;
  const request = checkDocument(EnrolmentRequestSchema, document, 'enrolment request');
  const { deviceId } = request;
  // Checked before anything is said or signed, and again in the transaction, where it counts.
  await findToken(storage.db, request.secret, now);
  const trustRoot = Buffer.from(await trust.root(request.trustDigest)).toString();
  const checked = await checkRequest(request.csrPem, { anyKey: request.certificatePem !== undefined });
  const issued = await certificateFor(context, request, checked);
  const tags = await storage.transaction(async (tx) => {
    const token = await findToken(tx, request.secret, now);
    const merged: Tags = { ...request.tags, ...JSON.parse(token.tags) };
    const device = { id: deviceId, tags: checkDocument(TagsSchema, merged, 'tags') };
    const isRepeat = await claimDevice(
      tx,
      device,
      { ...checked, isVouchedFor: issued.issuer === 'external' },
      now,
    );
    if (!isRepeat) await takeUse(tx, token.id);
    const row = await recordCertificate(tx, deviceId, issued, now);
    await makeCurrent(tx, row, now);
    const entry = { at: now, actor: `device:${deviceId}`, subject: `device:${deviceId}` };
    const detail = { token: token.id, serial: row.serial, isRepeat };
    await writeAudit(tx, { ...entry, action: 'device.enrol', detail });
    return device.tags;
  });
  return { deviceId, certificatePem: issued.pem, caPem: authorities.pem, trustRoot, ...urls, tags, now };
}

/** Made now, or before by the enterprise's authority. Errors: CA_FAILED, UNSUPPORTED. */
async function certificateFor(
  { authorities, deviceAuthority, now }: EnrolmentContext,
  { deviceId, certificatePem }: { deviceId: string; certificatePem?: string | undefined },
  checked: CheckedRequest,
): Promise<IssuedCertificate> {
  if (certificatePem === undefined)
    return (deviceAuthority?.issuing ?? authorities.issuing).issueDevice(deviceId, checked, now);
  if (!deviceAuthority)
    throw new CoveyError(
      'UNSUPPORTED',
      'this controller knows no authority but its own: it makes the certificate',
    );
  return deviceAuthority.accept(certificatePem, deviceId, checked);
}

/** Whether the device was enrolled with this key already. */
async function claimDevice(
  tx: Tx,
  { id, tags }: { id: string; tags: Tags },
  { keyFingerprint, isVouchedFor }: CheckedRequest & { isVouchedFor: boolean },
  now: number,
): Promise<boolean> {
  const known = await tx.selectFrom('devices').select('refusal').where('id', '=', id).executeTakeFirst();
  const use = await keyUse(tx, id, keyFingerprint);
  const row = { id, tags: JSON.stringify(tags), enrolled_at: now };
  if (!known) {
    await tx.insertInto('devices').values(row).execute();
    return false;
  }
  // An enterprise's authority that certifies another key for the id has replaced the key.
  if (known.refusal === null && (use === 'held' || isVouchedFor)) return true;
  if (known.refusal !== 'reset')
    throw new CoveyError(
      'CONFLICT',
      known.refusal === null
        ? `${id} is enrolled with another key: reset it on the controller, or choose another id`
        : `${id} is ${known.refusal}: it can be enrolled again once it was reset on the controller`,
    );
  await tx
    .updateTable('devices')
    .set({ ...row, revoked_at: null, refusal: null, clone: null, birth: null, boot_id: null })
    .set({ online: 0, reported: null, reported_at: null })
    .where('id', '=', id)
    .execute();
  return false;
}
