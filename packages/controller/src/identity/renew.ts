import { checkDocument, RenewalRequestSchema } from '@covey/protocol';
import { writeAudit } from '../audit/index.ts';
import type { Storage } from '../storage/index.ts';
import type { Authorities } from './authorities.ts';
import type { CertificateAuthority, IssuedCertificate } from './authority.ts';
import { type CertificateRow, keyUse, recordCertificate } from './certificates.ts';
import type { DeviceAuthority } from './device-authority.ts';
import { checkRequest } from './request.ts';

/** A certificate is replaced when so much of its life is over. */
const renewalShare = 2 / 3;

/** Whether a device is to ask for a new certificate: two thirds of the present one are over, or its authority ends. */
export function isRenewalDue(
  { issued_at, expires_at, issuer }: Pick<CertificateRow, 'issued_at' | 'expires_at' | 'issuer'>,
  { serving, next }: Pick<Authorities, 'serving' | 'next'>,
  deviceAuthority: DeviceAuthority | undefined,
  now: number,
): boolean {
  // Who made it before makes the next one, and gives it to the device.
  if (issuer === 'external' && !deviceAuthority?.issuing) return false;
  const isEnding = next !== undefined && issuer === serving.fingerprint;
  return isEnding || now >= issued_at + renewalShare * (expires_at - issued_at);
}

/**
 * A certificate for a new key of a device that has shown its old one (`present`). The old one is good until the new one is
 * first used, so that an answer may be lost. Errors: INVALID_DOCUMENT, CONFLICT (a key that was given up), CA_FAILED.
 */
export async function renew(
  { storage, authority, now }: { storage: Storage; authority: CertificateAuthority; now: number },
  present: CertificateRow,
  document: unknown,
): Promise<IssuedCertificate> {
  const { csrPem } = checkDocument(RenewalRequestSchema, document, 'renewal request');
  const checked = await checkRequest(csrPem);
  const { device } = present;
  const issued = await authority.issueDevice(device, checked, now);
  await storage.transaction(async (tx) => {
    await keyUse(tx, device, checked.keyFingerprint);
    const { serial, expires_at } = await recordCertificate(tx, device, issued, now);
    const entry = { at: now, actor: `device:${device}`, subject: `device:${device}` };
    await writeAudit(tx, { ...entry, action: 'device.renew', detail: { serial, expiresAt: expires_at } });
  });
  return issued;
}
