import { CoveyError, type Tags } from '@covey/protocol';
import type { RolloutPlan } from '@covey/protocol/api';
import { desiredOf, devicesOf } from '../fleet/index.ts';
import type { Tx } from '../storage/index.ts';
import { requireCompatible } from './compatible.ts';
import type { Rollout } from './state.ts';
import { activeStates, insertRollout } from './store.ts';
import { divideIntoWaves } from './waves.ts';
import { describeNothing } from './words.ts';

export interface NewRollout {
  id: string;
  actor: string;
  now: number;
  /** Whether the version was signed for devices with these tags. */
  isSignedFor: (tags: Tags) => boolean;
}

/**
 * Freezes the members of a new rollout and stores it. Devices that are to run the version already are left out; where all are,
 * it has succeeded without moving one. The rollout that is bringing the version to all others stands for it: its id is answered.
 * Errors: TRUST_LIMITED (devices that the version was not signed for), INVALID_ARGUMENT (times that cannot be met), NOT_FOUND
 * (empty group), CONFLICT (another rollout of the model under way on one of the devices), BUNDLE_INCOMPATIBLE (a device that it
 * does not run on).
 */
export async function createRollout(
  tx: Tx,
  plan: RolloutPlan,
  { id, actor, now, isSignedFor }: NewRollout,
): Promise<string> {
  if (plan.gate.timeoutMs < plan.soak.maxDurationMs)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `the gate gives up after ${plan.gate.timeoutMs} ms, before the soak may end (${plan.soak.maxDurationMs} ms)`,
    );
  const { members, groupSize, underWay } = await choose(tx, plan, isSignedFor);
  if (underWay !== null) return underWay;
  const waves = divideIntoWaves(members, plan.waves);
  const rollout: Rollout = {
    id,
    plan,
    ...(members.length > 0
      ? { state: 'running', reason: null }
      : { state: 'succeeded', reason: describeNothing(plan, groupSize) }),
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
  return id;
}

interface Choice {
  /** Whom a rollout would move, and from what; none: all of the group are to run it already. */
  members: { device: string; previous: string | null }[];
  groupSize: number;
  /** The rollout that is bringing the version to all who lack it, and may still take it from others of the group. */
  underWay: string | null;
}

/** Errors: those of createRollout that follow from version and group. */
export async function choose(
  tx: Tx,
  plan: Pick<RolloutPlan, 'model' | 'version' | 'selector'>,
  isSignedFor: NewRollout['isSignedFor'],
): Promise<Choice> {
  const group = await devicesOf(tx, plan.selector);
  if (group.length === 0) throw new CoveyError('NOT_FOUND', `no device matches ${plan.selector}`);
  const members = group
    .map((row) => ({
      device: row.id,
      previous: desiredOf(row)?.release.models.find(({ model }) => model === plan.model)?.version ?? null,
    }))
    .filter(({ previous }) => previous !== plan.version);
  const groupSize = group.length;
  const devices = new Set(members.map(({ device }) => device));
  const underWay = await bringing(tx, plan, { group, devices });
  if (members.length === 0 || underWay !== null) return { members, groupSize, underWay };
  refuseUnsigned(plan, group, isSignedFor);
  await requireCompatible(tx, plan, group, devices);
  return { members, groupSize, underWay: null };
}

interface Overlap {
  id: string;
  device: string;
  state: string;
  version: string;
}

/** Rollouts of the model that still have something to do on one of the devices, oldest first. */
export async function overlapping(tx: Tx, model: string, devices: readonly string[]): Promise<Overlap[]> {
  const rows = await tx
    .selectFrom('rollouts')
    .innerJoin('rollout_devices', 'rollout_devices.rollout', 'rollouts.id')
    .select(['rollouts.id', 'rollouts.plan', 'rollouts.state', 'rollout_devices.device'])
    .where('rollouts.state', 'in', activeStates)
    .orderBy('rollouts.created_at')
    .execute();
  const wanted = new Set(devices);
  return rows
    .filter(({ device }) => wanted.has(device))
    .map(({ plan, ...row }) => ({ ...row, plan: JSON.parse(plan) as RolloutPlan }))
    .filter(({ plan }) => plan.model === model)
    .map(({ plan: { version }, ...row }) => ({ ...row, version }));
}

/**
 * The one rollout that is bringing this version to `devices`, those of the group that are not to run it yet; null: nobody is
 * moving them, and of the others none will lose it. A job that asks again gets the same rollout, wherever that has come to.
 * Errors: CONFLICT when a rollout is in the way: it takes the version away, brings another, or only some of them this one.
 */
async function bringing(
  tx: Tx,
  { model, version }: Pick<RolloutPlan, 'model' | 'version'>,
  { group, devices }: { group: readonly { id: string }[]; devices: ReadonlySet<string> },
): Promise<string | null> {
  const ids = group.map(({ id }) => id);
  const all = await overlapping(tx, model, ids);
  const [first] = all;
  const other = all.find(
    (one) => one.id !== first?.id || one.version !== version || one.state === 'reverting',
  );
  const moved = new Set(all.map(({ device }) => device));
  const isWhole = [...devices].every((device) => moved.has(device));
  if (first && !other && isWhole) return first.id;
  const inWay = devices.size === 0 ? other : all.find(({ device }) => devices.has(device));
  if (inWay) throw inTheWay(model, inWay);
  return null;
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

function inTheWay(model: string, { id, state, device }: Overlap): CoveyError {
  return new CoveyError(
    'CONFLICT',
    `rollout ${id} of ${model} is ${state} on device ${device}; ${waysOut[state] ?? 'wait for its end'}`,
  );
}
