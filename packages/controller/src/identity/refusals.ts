import { CoveyError } from '@covey/protocol';
import { writeAudit } from '../audit/index.ts';
import type { DeviceRefusal, Storage } from '../storage/index.ts';
import { withdrawAll } from './certificates.ts';

/**
 * Refuses a device from now on. Revoked: for good, until it is reset. Reset: its identity is withdrawn, keys and all, and the
 * id waits for a new enrolment, which keeps what is known and wanted of it. Quarantined: two machines use its identity.
 * The caller ends its connections. Errors: NOT_FOUND.
 */
export async function refuseDevice(
  storage: Storage,
  device: string,
  refusal: DeviceRefusal,
  { actor, now }: { actor: string; now: number },
): Promise<void> {
  await storage.transaction(async (tx) => {
    const row = await tx.selectFrom('devices').select('refusal').where('id', '=', device).executeTakeFirst();
    if (!row || (refusal !== 'reset' && row.refusal !== null))
      throw new CoveyError('NOT_FOUND', `no device ${device} is enrolled`);
    await tx
      .updateTable('devices')
      .set({ revoked_at: now, refusal, online: 0 })
      .where('id', '=', device)
      .execute();
    if (refusal === 'reset') await withdrawAll(tx, device, now);
    const action = { revoked: 'device.revoke', reset: 'device.reset', quarantined: 'device.quarantine' }[
      refusal
    ];
    await writeAudit(tx, { at: now, actor, action, subject: `device:${device}`, detail: null });
  });
}
