import type { Storage, Tx } from '../storage/index.ts';

/** Rows kept per device: a week of minutes for one model, a week of five-minute summaries, the last events. */
const retainedRows = { metrics: 10_080, summaries: 2_016, events: 1_000 } as const;
/** Devices looked at in one go, so that no transaction is long. */
const devicesPerRun = 50;

/** Removes what is above the bounds, oldest first, for the devices behind `after`; the answer is where to go on, null: from the start. */
export async function pruneTelemetry(storage: Storage, after: string | null): Promise<string | null> {
  const devices = await storage.db
    .selectFrom('devices')
    .select('id')
    .where('id', '>', after ?? '')
    .orderBy('id')
    .limit(devicesPerRun)
    .execute();
  await storage.transaction(async (tx) => {
    for (const { id } of devices) await pruneDevice(tx, id);
  });
  return devices.length < devicesPerRun ? null : (devices.at(-1)?.id ?? null);
}

/** Rows of the same time as the first one too many go with it. */
async function pruneDevice(tx: Tx, device: string): Promise<void> {
  const minute = tx
    .selectFrom('metrics')
    .select('minute')
    .where('device', '=', device)
    .orderBy('minute', 'desc')
    .limit(1)
    .offset(retainedRows.metrics);
  await tx.deleteFrom('metrics').where('device', '=', device).where('minute', '<=', minute).execute();
  const from = tx
    .selectFrom('summaries')
    .select('from_ms')
    .where('device', '=', device)
    .orderBy('from_ms', 'desc')
    .limit(1)
    .offset(retainedRows.summaries);
  await tx.deleteFrom('summaries').where('device', '=', device).where('from_ms', '<=', from).execute();
  const id = tx
    .selectFrom('events')
    .select('id')
    .where('device', '=', device)
    .orderBy('id', 'desc')
    .limit(1)
    .offset(retainedRows.events);
  await tx.deleteFrom('events').where('device', '=', device).where('id', '<=', id).execute();
}
