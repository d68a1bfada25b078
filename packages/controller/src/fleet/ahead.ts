import { createHash } from 'node:crypto';
import { canonicalJson } from '@covey/protocol';
import { Soak } from '@covey/protocol/api';
import { writeAudit } from '../audit/index.ts';
import type { ReportedMessage } from '../ingest/index.ts';
import type { Tx } from '../storage/index.ts';
import { type DesiredDocument, desiredOf, reportOf } from './documents.ts';

/** No device gets so far; one that says it has is not followed there. */
const mostGenerations = 2 ** 52;

/**
 * A device has a generation that this controller never set: somebody has installed on the device itself. What is ordered
 * later is to be above it, and an order that the device had not taken up until then goes out anew, above it too: true when
 * there is one.
 */
export async function noteGeneration(tx: Tx, device: string, generation: number): Promise<boolean> {
  const row = await tx
    .selectFrom('devices')
    .select(['desired', 'desired_generation', 'reported'])
    .where('id', '=', device)
    .executeTakeFirst();
  if (!row || generation <= row.desired_generation || generation > mostGenerations) return false;
  const desired = desiredOf(row);
  const isTakenUp = !desired || (reportOf(row)?.reported.generation ?? 0) >= desired.generation;
  const above = generation + (isTakenUp ? 0 : 1);
  await tx.updateTable('devices').set({ desired_generation: above }).where('id', '=', device).execute();
  if (isTakenUp) return false;
  const orders = desired.orders.map((order) =>
    order.generation === desired.generation ? { ...order, generation: above } : order,
  );
  await setDesired(tx, device, { ...desired, generation: above, orders });
  await tx
    .updateTable('rollout_devices')
    .set({ generation: above })
    .where('device', '=', device)
    .where('generation', '=', desired.generation)
    .execute();
  return true;
}

/** What follows, in the same transaction, from a model having been installed on a device itself, by `by`. */
export type OnInstalled = (tx: Tx, installed: { device: string; model: string; by: string }) => Promise<void>;

/** What was installed on the device itself and is committed is wanted from then on: an order for another model leaves it. */
export async function adoptInstalled(
  tx: Tx,
  device: string,
  { reported }: ReportedMessage,
  { now, onInstalled }: { now: number; onInstalled: OnInstalled },
): Promise<void> {
  const { state, generation, releaseId, serving } = reported;
  const row = await tx
    .selectFrom('devices')
    .select(['desired', 'desired_generation'])
    .where('id', '=', device)
    .executeTakeFirst();
  if (row?.desired_generation !== generation || state !== 'committed') return;
  const desired = desiredOf(row);
  if ((desired?.generation ?? 0) >= generation || releaseId === desired?.release.id) return;
  const models = serving
    .map(({ model, version, number, bundle }) => ({ model, version, number, bundle }))
    .sort((a, b) => (a.model < b.model ? -1 : 1));
  // While a runtime starts not all is loaded; a later report has it.
  if (createHash('sha256').update(canonicalJson(models)).digest('hex') !== releaseId) return;
  const release = { id: releaseId, models };
  const by = `on ${device} itself`;
  const known = new Set(desired?.release.models.map(({ bundle }) => bundle));
  const installed = models.filter(({ bundle }) => !known.has(bundle));
  const order = { generation, setBy: { kind: 'operator' as const, id: by }, setAt: now };
  const isLeft = ({ model }: { model: string }) =>
    models.some((ref) => ref.model === model) && !installed.some((ref) => ref.model === model);
  const orders = [
    ...(desired?.orders ?? []).filter(isLeft),
    ...installed.map(({ model }) => ({ model, ...order })),
  ];
  await setDesired(tx, device, { ...order, release, soak: desired?.soak ?? Soak.parse({}), orders });
  for (const { model, version } of installed) {
    await writeAudit(tx, {
      ...{ at: now, actor: `device:${device}`, action: 'device.install', subject: `model:${model}` },
      detail: { device, version },
    });
    await onInstalled(tx, { device, model, by });
  }
}

function setDesired(tx: Tx, device: string, desired: DesiredDocument) {
  return tx
    .updateTable('devices')
    .set({ desired: JSON.stringify(desired) })
    .where('id', '=', device)
    .execute();
}
