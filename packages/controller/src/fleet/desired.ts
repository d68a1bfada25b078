import { createHash } from 'node:crypto';
import {
  CoveyError,
  canonicalJson,
  type DeliveryPolicy,
  type Desired,
  limits,
  type SoakPolicy,
} from '@covey/protocol';
import type { Tx } from '../storage/index.ts';
import { type DesiredDocument, desiredOf } from './documents.ts';

export interface ModelChange {
  device: string;
  model: string;
  /** A published version; null removes the model. */
  version: string | null;
  soak: SoakPolicy;
  /** Bundles that failed on the device lately are tried at once. */
  force: boolean;
  delivery?: DeliveryPolicy | undefined;
  setBy: Desired['setBy'];
  /** Unix milliseconds. */
  now: number;
}

/**
 * Changes one model of a device's desired release and leaves the others; the answer is the new generation. After the
 * commit the caller calls `outbox.wantDesired`. Errors: NOT_FOUND (device or version), PAYLOAD_TOO_LARGE.
 */
export async function setModelVersion(tx: Tx, change: ModelChange): Promise<number> {
  const row = await tx
    .selectFrom('devices')
    .select(['desired', 'desired_generation'])
    .where('id', '=', change.device)
    .executeTakeFirst();
  if (!row) throw new CoveyError('NOT_FOUND', `there is no device ${change.device}`);
  const before = desiredOf(row);
  const others = (before?.release.models ?? []).filter(({ model }) => model !== change.model);
  const kept = (before?.orders ?? []).filter(({ model }) => others.some((ref) => ref.model === model));
  const models = [...others, ...(await refOf(tx, change))].sort((a, b) => (a.model < b.model ? -1 : 1));
  if (models.length > limits.modelsPerRelease)
    throw new CoveyError(
      'PAYLOAD_TOO_LARGE',
      `device ${change.device} would have ${models.length} models, the limit is ${limits.modelsPerRelease}`,
    );
  const generation = row.desired_generation + 1;
  const id = createHash('sha256').update(canonicalJson(models)).digest('hex');
  const order = { generation, setBy: change.setBy, setAt: change.now };
  const desired: DesiredDocument = {
    ...order,
    orders: [...kept, { model: change.model, ...order }],
    release: { id, models },
    soak: change.soak,
    ...(change.force && { force: true }),
    ...(change.delivery && { delivery: change.delivery }),
  };
  await tx
    .updateTable('devices')
    .set({ desired: JSON.stringify(desired), desired_generation: generation })
    .where('id', '=', change.device)
    .execute();
  return generation;
}

async function refOf(tx: Tx, { model, version }: ModelChange) {
  if (version === null) return [];
  const row = await tx
    .selectFrom('versions')
    .select(['number', 'digest'])
    .where('model', '=', model)
    .where('version', '=', version)
    .executeTakeFirst();
  if (!row) throw new CoveyError('NOT_FOUND', `there is no version ${version} of model ${model}`);
  return [{ model, version, number: row.number, bundle: row.digest }];
}
