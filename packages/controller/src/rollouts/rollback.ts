import { CoveyError } from '@covey/protocol';
import type { RollbackAnswer, RolloutPlan } from '@covey/protocol/api';
import { writeAudit } from '../audit/index.ts';
import { desiredOf, devicesOf, setModelVersion } from '../fleet/index.ts';
import type { Tx } from '../storage/index.ts';
import { command } from './advance.ts';
import { carryOut, returnSoak } from './carry-out.ts';
import { overlapping } from './create.ts';
import { observe, readRollout, supersede } from './store.ts';

/**
 * Takes a group back to the version each device had before. A rollout of the model under way on one of the devices is
 * aborted instead, and takes back what it moved: the last thing done is undone first. Repeated, it goes back further.
 * Errors: NOT_FOUND (empty group), CONFLICT (no device has anything to go back to).
 */
export async function rollBack(
  tx: Tx,
  {
    id,
    model,
    selector,
    actor,
    now,
  }: { id: string; model: string; selector: string; actor: string; now: number },
): Promise<RollbackAnswer> {
  const group = await devicesOf(tx, selector);
  if (group.length === 0) throw new CoveyError('NOT_FOUND', `no device matches ${selector}`);
  const busy = await overlapping(
    tx,
    model,
    group.map((row) => row.id),
  );
  const answer: RollbackAnswer = { id, model, aborted: [], devices: [], skipped: [] };
  for (const rollout of new Set(busy.map((row) => row.id))) await abort(tx, rollout, answer, { actor, now });
  const handled = new Set([...busy.map((row) => row.device), ...answer.devices.map(({ device }) => device)]);
  for (const row of group.filter((candidate) => !handled.has(candidate.id))) {
    const wanted = desiredOf(row)?.release.models.find((ref) => ref.model === model)?.version;
    const before = wanted === undefined ? undefined : await versionBefore(tx, row.id, model, wanted);
    // A first install is not taken off by a rollback: what serves is better than nothing.
    if (wanted === undefined || !before) {
      const reason = wanted === undefined ? `it is not to run ${model}` : `nothing came before ${wanted}`;
      answer.skipped.push({ device: row.id, reason });
      continue;
    }
    const setBy = { kind: 'rollback' as const, id };
    const change = { device: row.id, model, version: before, soak: returnSoak, force: true, setBy, now };
    const generation = await setModelVersion(tx, change);
    answer.devices.push({ device: row.id, from: wanted, to: before, generation });
    await supersede(tx, { model, devices: [row.id], by: id });
  }
  if (answer.devices.length === 0 && answer.aborted.length === 0)
    throw new CoveyError(
      'CONFLICT',
      `no device can go back: ${answer.skipped[0]?.device}: ${answer.skipped[0]?.reason}`,
    );
  const detail = { id, selector, aborted: answer.aborted, devices: answer.devices };
  await writeAudit(tx, { at: now, actor, action: 'model.rollback', subject: `model:${model}`, detail });
  return answer;
}

async function abort(
  tx: Tx,
  id: string,
  answer: RollbackAnswer,
  { actor, now }: { actor: string; now: number },
): Promise<void> {
  const before = await readRollout(tx, id);
  const step =
    before && command(before, 'abort', `${actor} (rollback)`, { seen: await observe(tx, before), now });
  if (!before || !step) return;
  await carryOut(tx, before, step, now);
  answer.aborted.push(id);
  const after = await readRollout(tx, id);
  for (const { device, generation, previous, state } of after?.members ?? [])
    if (state === 'returning' && generation !== null)
      answer.devices.push({ device, from: before.plan.version, to: previous, generation });
}

/**
 * The version that the device had before the rollout that gave it `version`; null: none, it was a first install; undefined:
 * no rollout gave it that version.
 */
async function versionBefore(
  tx: Tx,
  device: string,
  model: string,
  version: string,
): Promise<string | null | undefined> {
  const rows = await tx
    .selectFrom('rollout_devices')
    .innerJoin('rollouts', 'rollouts.id', 'rollout_devices.rollout')
    .select(['rollouts.plan', 'rollout_devices.previous'])
    .where('rollout_devices.device', '=', device)
    .where('rollout_devices.state', '!=', 'waiting')
    .orderBy('rollouts.created_at', 'desc')
    .execute();
  return rows.find((row) => {
    const plan = JSON.parse(row.plan) as RolloutPlan;
    return plan.model === model && plan.version === version;
  })?.previous;
}
