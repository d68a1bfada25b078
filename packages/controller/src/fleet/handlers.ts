import type { Clock } from '@covey/ports';
import type { IngestHandlers } from '../ingest/index.ts';
import type { Tx } from '../storage/index.ts';
import { adoptInstalled, noteGeneration, type OnInstalled } from './ahead.ts';
import { reportOf } from './documents.ts';

/** A device that counts its messages anew: its next report is not an older one than the last of before. */
async function forgetOrder(tx: Tx, device: string, nextSeq: number): Promise<void> {
  const row = await tx.selectFrom('devices').select('reported').where('id', '=', device).executeTakeFirst();
  const stored = row && reportOf(row);
  if (!stored || stored.seq < nextSeq) return;
  const reported = JSON.stringify({ ...stored, seq: nextSeq - 1 });
  await tx.updateTable('devices').set({ reported }).where('id', '=', device).execute();
}

/** What the fleet does with messages: presence and reported state. */
export function fleetHandlers({
  clock,
  onInstalled,
}: {
  clock: Clock;
  onInstalled: OnInstalled;
}): Pick<IngestHandlers, 'birth' | 'death' | 'reported' | 'get'> {
  const seen = (tx: Tx, device: string, change: { online?: number; birth?: string; boot_id?: string }) =>
    tx
      .updateTable('devices')
      .set({ ...change, last_seen_at: clock.now() })
      .where('id', '=', device)
      .execute();
  return {
    birth: async (tx, device, birth) => {
      await seen(tx, device, { online: 1, birth: JSON.stringify(birth), boot_id: birth.bootId });
      await forgetOrder(tx, device, birth.nextSeq);
    },
    death: async (tx, device) => {
      await seen(tx, device, { online: 0 });
    },
    reported: async (tx, device, message) => {
      await seen(tx, device, {});
      const isSetAnew = await noteGeneration(tx, device, message.reported.generation);
      const row = await tx
        .selectFrom('devices')
        .select('reported')
        .where('id', '=', device)
        .executeTakeFirst();
      const stored = row && reportOf(row);
      // Sent again after a gap: a newer one is stored already.
      if (stored && stored.seq > message.seq) return isSetAnew;
      const { seq, bootId, at, reported } = message;
      await tx
        .updateTable('devices')
        .set({ reported: JSON.stringify({ seq, bootId, at, reported }), reported_at: clock.now() })
        .where('id', '=', device)
        .execute();
      await adoptInstalled(tx, device, message, { now: clock.now(), onInstalled });
      return isSetAnew;
    },
    get: async (tx, device, generation) => {
      await seen(tx, device, {});
      await noteGeneration(tx, device, generation);
    },
  };
}
