import type { Reported, SoakEvidence } from '@covey/protocol';
import type { MemberState, RolloutPlan, RolloutStateName, WaveStateName } from '@covey/protocol/api';
import type { Selectable } from 'kysely';
import { desiredOf, reportOf } from '../fleet/index.ts';
import type { Db, RolloutDevicesTable, RolloutsTable, Tx } from '../storage/index.ts';
import { hasEnded } from './advance.ts';
import type { Member, Observation, Rollout } from './state.ts';

/** The most that a gate may ask for. */
const longestWatchMs = 30 * 86_400_000;

/** States in which a rollout still has something to do. */
export const activeStates: readonly RolloutStateName[] = ['running', 'paused', 'reverting'];

export async function readRollout(db: Db, id: string): Promise<Rollout | undefined> {
  const row = await db.selectFrom('rollouts').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) return undefined;
  const members = await db
    .selectFrom('rollout_devices')
    .selectAll()
    .where('rollout', '=', id)
    .orderBy('wave')
    .orderBy('device')
    .execute();
  return rolloutOf(row, members);
}

export async function activeRollouts(db: Db): Promise<string[]> {
  const rows = await db
    .selectFrom('rollouts')
    .select('id')
    .where('state', 'in', activeStates)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map((row) => row.id);
}

/** Rollouts that succeeded and may still be re-opened. */
export async function watchedRollouts(db: Db, now: number): Promise<string[]> {
  const rows = await db
    .selectFrom('rollouts')
    .selectAll()
    .where('state', '=', 'succeeded')
    .where('wave_started_at', '>', now - longestWatchMs)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.filter((row) => !hasEnded(rolloutOf(row, []), now)).map((row) => row.id);
}

export async function insertRollout(tx: Tx, rollout: Rollout): Promise<void> {
  await tx.insertInto('rollouts').values(rowOf(rollout)).execute();
  for (const member of rollout.members)
    await tx.insertInto('rollout_devices').values(memberRowOf(rollout.id, member)).execute();
}

/** Writes what differs from `before`. */
export async function updateRollout(tx: Tx, before: Rollout, rollout: Rollout): Promise<void> {
  const { id, ...row } = rowOf(rollout);
  await tx.updateTable('rollouts').set(row).where('id', '=', id).execute();
  const known = new Map(before.members.map((member) => [member.device, JSON.stringify(member)]));
  for (const member of rollout.members) {
    if (known.get(member.device) === JSON.stringify(member)) continue;
    await tx
      .updateTable('rollout_devices')
      .set(memberRowOf(id, member))
      .where('rollout', '=', id)
      .where('device', '=', member.device)
      .execute();
  }
}

/** What is known of the members' devices as to the rollout's model. */
export async function observe(db: Db, rollout: Rollout): Promise<Map<string, Observation>> {
  const rows = await db
    .selectFrom('rollout_devices')
    .innerJoin('devices', 'devices.id', 'rollout_devices.device')
    .select(['devices.id', 'devices.refusal', 'devices.last_seen_at', 'devices.desired'])
    .select(['devices.reported', 'devices.reported_at'])
    .where('rollout_devices.rollout', '=', rollout.id)
    .where('rollout_devices.state', '!=', 'waiting')
    .execute();
  const { model, version } = rollout.plan;
  const published = await db
    .selectFrom('versions')
    .select('digest')
    .where('model', '=', model)
    .where('version', '=', version)
    .executeTakeFirst();
  return new Map(
    rows.map((row): [string, Observation] => {
      const desired = desiredOf(row);
      const reported = reportOf(row)?.reported;
      // Installed on the device itself: wanted there, also before all of it is loaded and the desired state says so.
      const isItsOwn = reported?.state === 'committed' && reported.generation > (desired?.generation ?? 0);
      const release = isItsOwn ? reported.serving : desired?.release.models;
      const wants = release?.find((ref) => ref.model === model)?.version ?? null;
      return [
        row.id,
        {
          refusal: row.refusal,
          wants,
          lastSeenAt: row.last_seen_at,
          reported: reported
            ? observedOf(reported, row.reported_at ?? 0, { model, version, digest: published?.digest })
            : null,
        },
      ];
    }),
  );
}

function observedOf(
  reported: Reported,
  at: number,
  { model, version, digest }: { model: string; version: string; digest: string | undefined },
): NonNullable<Observation['reported']> {
  const { generation, state, reason = null, proof, evidence = null, serving, quarantined = [] } = reported;
  const served = serving.find((candidate) => candidate.model === model);
  // The digest is what counts: a version of other bytes is another version.
  const isOther = served?.version === version && served.bundle !== digest;
  return {
    ...{ at, generation, state, reason, evidence },
    isProven: proof === 'proven',
    serves: served ? (isOther ? `${version} of other bytes` : served.version) : null,
    isQuarantined: quarantined.some((ref) => ref.model === model && ref.version === version),
  };
}

function rowOf(rollout: Rollout): Selectable<RolloutsTable> {
  return {
    id: rollout.id,
    plan: JSON.stringify(rollout.plan),
    state: rollout.state,
    reason: rollout.reason,
    wave: rollout.wave,
    waves: JSON.stringify(rollout.waves),
    created_at: rollout.createdAt,
    created_by: rollout.createdBy,
    updated_at: rollout.updatedAt,
    wave_started_at: rollout.phaseStartedAt,
  };
}

function memberRowOf(rollout: string, member: Member): RolloutDevicesTable {
  return {
    rollout,
    device: member.device,
    wave: member.wave,
    state: member.state,
    generation: member.generation,
    previous: member.previous,
    reason: member.reason,
    evidence: member.evidence && JSON.stringify(member.evidence),
    updated_at: member.updatedAt,
  };
}

function rolloutOf(row: Selectable<RolloutsTable>, members: Selectable<RolloutDevicesTable>[]): Rollout {
  return {
    id: row.id,
    plan: JSON.parse(row.plan) as RolloutPlan,
    state: row.state as RolloutStateName,
    reason: row.reason,
    wave: row.wave,
    waves: JSON.parse(row.waves) as WaveStateName[],
    members: members.map((member) => ({
      device: member.device,
      wave: member.wave,
      state: member.state as MemberState,
      previous: member.previous,
      reason: member.reason,
      evidence: member.evidence === null ? null : (JSON.parse(member.evidence) as SoakEvidence),
      generation: member.generation,
      updatedAt: member.updated_at,
    })),
    phaseStartedAt: row.wave_started_at,
    createdAt: row.created_at,
    createdBy: row.created_by,
    updatedAt: row.updated_at,
  };
}

/**
 * What `by` orders, or somebody on a device itself, takes the devices out of the watch of every other rollout of the model: what they do from now on is no
 * evidence for or against those, even where they come to serve their versions again.
 */
export async function supersede(
  tx: Tx,
  { model, devices, by }: { model: string; devices: readonly string[]; by: string },
): Promise<void> {
  if (devices.length === 0) return;
  // Those with devices in their watch, and no more: of the others there may be as many as there were orders.
  const watching = await tx
    .selectFrom('rollout_devices')
    .innerJoin('rollouts', 'rollouts.id', 'rollout_devices.rollout')
    .select(['rollouts.id', 'rollouts.plan'])
    .distinct()
    .where('rollouts.id', '!=', by)
    .where('rollouts.state', '!=', 'reverted')
    .where('rollout_devices.state', 'in', ['proven', 'unproven'])
    .where('rollout_devices.generation', 'is not', null)
    .execute();
  const others = watching.filter(({ plan }) => (JSON.parse(plan) as RolloutPlan).model === model);
  for (const { id } of others)
    for (const device of devices)
      await tx
        .updateTable('rollout_devices')
        .set({ generation: null })
        .where('rollout', '=', id)
        .where('device', '=', device)
        .where('state', 'in', ['proven', 'unproven'])
        .execute();
}
