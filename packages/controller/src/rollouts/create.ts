import { CoveyError, type Tags } from '@covey/protocol';
import type { RolloutPlan } from '@covey/protocol/api';
import { desiredOf, devicesOf } from '../fleet/index.ts';
import type { Tx } from '../storage/index.ts';
import { requireCompatible } from './compatible.ts';
import type { Rollout } from './state.ts';
import { activeStates, insertRollout } from './store.ts';
import { divideIntoWaves } from './waves.ts';

export interface NewRollout {
  id: string;
  actor: string;
  now: number;
  /** Whether the version was signed for devices with these tags. */
  isSignedFor: (tags: Tags) => boolean;
}

/**
 * Freezes the members of a new rollout and stores it. Devices that are to run the version already are left out.
 * Errors: TRUST_LIMITED (devices that the version was not signed for), INVALID_ARGUMENT (times that cannot be met), NOT_FOUND
 * (empty group), CONFLICT (nothing to do, or a rollout of the model under way on one of the devices), BUNDLE_INCOMPATIBLE (a
 * device that it does not run on).
 */
export async function createRollout(
  tx: Tx,
  plan: RolloutPlan,
  { id, actor, now, isSignedFor }: NewRollout,
): Promise<void> {
  if (plan.gate.timeoutMs < plan.soak.maxDurationMs)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `the gate gives up after ${plan.gate.timeoutMs} ms, before the soak may end (${plan.soak.maxDurationMs} ms)`,
    );
  const members = await membersOf(tx, plan, isSignedFor);
  const waves = divideIntoWaves(members, plan.waves);
  const rollout: Rollout = {
    id,
    plan,
    state: 'running',
    reason: null,
    wave: 0,
    waves: waves.map(() => 'waiting'),
    members: waves.flatMap((wave, index) =>
      wave.map((member) => ({
        ...member,
        wave: index,
        state: 'waiting' as const,
        reason: null,
        evidence: null,
        generation: null,
        updatedAt: now,
      })),
    ),
    phaseStartedAt: null,
    createdAt: now,
    createdBy: actor,
    updatedAt: now,
  };
  await insertRollout(tx, rollout);
}

/** Whom a rollout would move, and from what. Errors: those of createRollout that follow from version and group. */
export async function membersOf(
  tx: Tx,
  plan: Pick<RolloutPlan, 'model' | 'version' | 'selector'>,
  isSignedFor: NewRollout['isSignedFor'],
): Promise<{ device: string; previous: string | null }[]> {
  const group = await devicesOf(tx, plan.selector);
  if (group.length === 0) throw new CoveyError('NOT_FOUND', `no device matches ${plan.selector}`);
  const members = group
    .map((row) => ({
      device: row.id,
      previous: desiredOf(row)?.release.models.find(({ model }) => model === plan.model)?.version ?? null,
    }))
    .filter(({ previous }) => previous !== plan.version);
  if (members.length === 0)
    throw new CoveyError(
      'CONFLICT',
      `all ${group.length} devices of ${plan.selector} are to run ${plan.model} ${plan.version} already`,
    );
  refuseUnsigned(plan, group, isSignedFor);
  const devices = members.map(({ device }) => device);
  await refuseOverlap(tx, plan.model, devices);
  await requireCompatible(tx, plan, group, new Set(devices));
  return members;
}

/** Rollouts of the model that still have something to do on one of the devices, oldest first. */
export async function overlapping(
  tx: Tx,
  model: string,
  devices: readonly string[],
): Promise<{ id: string; device: string; state: string }[]> {
  const rows = await tx
    .selectFrom('rollouts')
    .innerJoin('rollout_devices', 'rollout_devices.rollout', 'rollouts.id')
    .select(['rollouts.id', 'rollouts.plan', 'rollouts.state', 'rollout_devices.device'])
    .where('rollouts.state', 'in', activeStates)
    .orderBy('rollouts.created_at')
    .execute();
  const wanted = new Set(devices);
  return rows.filter(
    (row) => wanted.has(row.device) && (JSON.parse(row.plan) as RolloutPlan).model === model,
  );
}

/** Devices would refuse it too; here it is said before anything moves. */
function refuseUnsigned(
  { model, version }: Pick<RolloutPlan, 'model' | 'version'>,
  group: readonly { id: string; tags: string }[],
  isSignedFor: NewRollout['isSignedFor'],
): void {
  const refused = group.filter(({ tags }) => !isSignedFor(JSON.parse(tags) as Tags));
  if (refused.length === 0) return;
  throw new CoveyError(
    'TRUST_LIMITED',
    `${model} ${version} is not signed for ${refused.length} of ${group.length} devices, ${refused[0]?.id} among them`,
  );
}

/** What there is to do about one that is in the way. */
const waysOut: Partial<Record<string, string>> = {
  running: 'abort it, or wait for its end',
  paused: 'resume or abort it, and wait for its end',
};

async function refuseOverlap(tx: Tx, model: string, devices: string[]): Promise<void> {
  const [other] = await overlapping(tx, model, devices);
  if (other)
    throw new CoveyError(
      'CONFLICT',
      `rollout ${other.id} of ${model} is ${other.state} on device ${other.device}; ${waysOut[other.state] ?? 'wait for its end'}`,
    );
}
