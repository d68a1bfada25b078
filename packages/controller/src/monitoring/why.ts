import type { DeviceView, RolloutView, WhyAnswer } from '@covey/protocol/api';
import { queryAudit } from '../audit/index.ts';
import { deviceView } from '../fleet/index.ts';
import type { Rollouts } from '../rollouts/index.ts';
import type { Db } from '../storage/index.ts';
import { listEvents } from './events.ts';

const historyLength = 30;

/** Why a device serves what it serves of a model: from what it reports, what is wanted of it, who wanted that, and what happened. Errors: NOT_FOUND (device). */
export async function explainServing(
  db: Db,
  rollouts: Pick<Rollouts, 'list'>,
  { device: id, model }: { device: string; model: string },
): Promise<WhyAnswer> {
  const device = await deviceView(db, id);
  const ofModel = await rollouts.list({ model, limit: historyLength });
  const concerning = ofModel.filter((rollout) => memberOf(rollout, id)?.generation != null);
  const ref = device.desired?.models.find((candidate) => candidate.model === model);
  const setBy = device.desired && setterOf(device.desired.setBy, id, ofModel);
  const history = [
    ...concerning.map((rollout) => ({
      at: rollout.updatedAt,
      source: 'rollout' as const,
      message: rolloutText(rollout, id),
    })),
    ...(await listEvents(db, { device: id, model, limit: historyLength })).map((event) => ({
      at: event.at,
      source: 'event' as const,
      message: `${event.kind}: ${event.message}`,
    })),
    ...(await auditOf(db, model)),
  ];
  return {
    device: id,
    model,
    online: device.online,
    lastSeenAt: device.lastSeenAt,
    serving: device.reported?.serving.find((candidate) => candidate.model === model) ?? null,
    wanted:
      device.desired && setBy && ref ? { version: ref.version, setBy, setAt: device.desired.setAt } : null,
    proof: device.reported?.proof ?? null,
    evidence: device.reported?.evidence ?? null,
    statements: statementsOf(device, model, concerning, setBy),
    history: history.sort((a, b) => b.at - a.at).slice(0, historyLength),
  };
}

type Setter = NonNullable<DeviceView['desired']>['setBy'];

/** Who wants what it says of this model: a device's order is of all its models, and names who set the last of them. */
function setterOf(last: Setter, device: string, ofModel: readonly RolloutView[]): Setter {
  if (last.kind !== 'rollout' || ofModel.some(({ id }) => id === last.id)) return last;
  const generationIn = (rollout: RolloutView) => memberOf(rollout, device)?.generation ?? -1;
  const [newest] = ofModel.toSorted((a, b) => generationIn(b) - generationIn(a));
  return newest && generationIn(newest) >= 0 ? { kind: 'rollout', id: newest.id } : last;
}

function memberOf(rollout: RolloutView, device: string) {
  return rollout.waves.flatMap((wave) => wave.devices).find((member) => member.device === device);
}

function rolloutText(rollout: RolloutView, device: string): string {
  const member = memberOf(rollout, device);
  const reason = member?.reason ?? rollout.reason;
  return `${rollout.id} to ${rollout.plan.version} is ${rollout.state}, this device ${member?.state}${reason ? `: ${reason}` : ''}`;
}

async function auditOf(db: Db, model: string): Promise<WhyAnswer['history']> {
  const { entries } = await queryAudit(db, { subject: `model:${model}`, limit: historyLength });
  return entries.map(({ at, actor, action, detail }) => ({
    at,
    source: 'audit' as const,
    message: `${actor}: ${action} ${JSON.stringify(detail)}`.slice(0, 300),
  }));
}

function statementsOf(
  device: DeviceView,
  model: string,
  rollouts: readonly RolloutView[],
  setBy: Setter | null,
): string[] {
  const { desired, reported } = device;
  const serving = reported?.serving.find((candidate) => candidate.model === model);
  const wanted = desired?.models.find((candidate) => candidate.model === model);
  const [latest] = rollouts;
  const member = latest && memberOf(latest, device.id);
  return [
    serving
      ? `${device.id} serves ${model} ${serving.version} (${serving.variant} on ${serving.provider}).`
      : `${device.id} does not serve ${model}${reported ? '' : ': it has never reported'}.`,
    wanted && setBy
      ? `It is to serve ${wanted.version}, set by ${setBy.kind} ${setBy.id}.`
      : `Nobody wants it to serve ${model}.`,
    ...(reported && desired ? [stateText(device, desired, reported)] : []),
    ...(latest && member?.reason ? [`In ${latest.id} to ${latest.plan.version}: ${member.reason}.`] : []),
    ...(device.revokedAt !== null ? ['It was revoked and can no longer be reached.'] : []),
    ...(device.online || device.revokedAt !== null
      ? []
      : ['It is offline; what is wanted reaches it when it is back.']),
  ];
}

function stateText(
  { online }: DeviceView,
  desired: NonNullable<DeviceView['desired']>,
  reported: NonNullable<DeviceView['reported']>,
): string {
  if (reported.generation < desired.generation)
    return online ? 'It has not yet answered to that.' : 'It has not yet heard of that.';
  const proof = reported.proof === null ? '' : ` and ${reported.proof}`;
  const reason = reported.reason === null ? '' : `: ${reported.reason.message}`;
  const local =
    reported.generation > desired.generation
      ? 'Somebody has installed on the device itself since then. '
      : '';
  return `${local}Its last update is ${reported.state}${proof}${reason}.`;
}
