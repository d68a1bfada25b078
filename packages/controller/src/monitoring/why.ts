import type { DeviceView, RolloutView, WhyAnswer } from '@covey/protocol/api';
import { queryAudit } from '../audit/index.ts';
import { deviceView } from '../fleet/index.ts';
import type { Rollouts } from '../rollouts/index.ts';
import type { Db } from '../storage/index.ts';
import { auditText } from './audit-words.ts';
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
  const concerning = ofModel.filter((rollout) => hasCome(memberOf(rollout, id)));
  const ref = device.desired?.models.find((candidate) => candidate.model === model);
  const order = device.desired?.orders.find((candidate) => candidate.model === model);
  const found = { order, setter: concerning.find((rollout) => rollout.id === order?.setBy.id) };
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
    ...(await auditOf(db, { device: id, model })),
  ];
  return {
    device: id,
    model,
    online: device.online,
    lastSeenAt: device.lastSeenAt,
    serving: device.reported?.serving.find((candidate) => candidate.model === model) ?? null,
    wanted: ref && order ? { version: ref.version, setBy: order.setBy, setAt: order.setAt } : null,
    ...outcomeOf(device, found),
    statements: statementsOf(device, model, found),
    history: history.sort((a, b) => b.at - a.at).slice(0, historyLength),
  };
}

/** The last order for the model on the device, and the rollout that gave it, if one did. */
interface Found {
  order: NonNullable<DeviceView['desired']>['orders'][number] | undefined;
  setter: RolloutView | undefined;
}

type Member = RolloutView['waves'][number]['devices'][number];

/** Whether the rollout has ever ordered something of the device: one that waits may never be reached. */
function hasCome(member: Member | undefined): boolean {
  return member !== undefined && member.state !== 'waiting';
}

/** Whether the device's last report is of the update that the order for this model brought. */
function isOwnReport({ reported }: DeviceView, { order }: Found): boolean {
  return reported !== null && reported.generation === order?.generation;
}

/** What the device says of this model's update; once it says that of another's, what this model's rollout found then. */
function outcomeOf(device: DeviceView, found: Found): Pick<WhyAnswer, 'proof' | 'evidence'> {
  const { reported } = device;
  if (reported && isOwnReport(device, found)) return { proof: reported.proof, evidence: reported.evidence };
  const member = found.setter && memberOf(found.setter, device.id);
  if (found.order?.setBy.kind !== 'rollout' || !member) return { proof: null, evidence: null };
  const { state, evidence } = member;
  return { proof: state === 'proven' || state === 'unproven' ? state : null, evidence };
}

function memberOf(rollout: RolloutView, device: string) {
  return rollout.waves.flatMap((wave) => wave.devices).find((member) => member.device === device);
}

function rolloutText(rollout: RolloutView, device: string): string {
  const member = memberOf(rollout, device);
  const reason = member?.reason ?? rollout.reason;
  return `${rollout.id} to ${rollout.plan.version} is ${rollout.state}, this device ${member?.state}${reason ? `: ${reason}` : ''}`;
}

async function auditOf(
  db: Db,
  { device, model }: { device: string; model: string },
): Promise<WhyAnswer['history']> {
  const { entries } = await queryAudit(db, { subject: `model:${model}`, limit: historyLength });
  return entries.flatMap((entry) => {
    const message = auditText(entry, device);
    return message === null ? [] : [{ at: entry.at, source: 'audit' as const, message }];
  });
}

function statementsOf(device: DeviceView, model: string, found: Found): string[] {
  const { desired, reported } = device;
  const serving = reported?.serving.find((candidate) => candidate.model === model);
  const wanted = desired?.models.find((candidate) => candidate.model === model);
  const setBy = found.order?.setBy;
  return [
    serving
      ? `${device.id} serves ${model} ${serving.version} (${serving.variant} on ${serving.provider}).`
      : `${device.id} does not serve ${model}${reported ? '' : ': it has never reported'}.`,
    wanted
      ? `It is to serve ${wanted.version}${setBy ? `, set by ${setBy.kind} ${setBy.id}` : ''}.`
      : `Nobody wants it to serve ${model}.`,
    ...(reported && desired
      ? stateTexts(device, { desired, reported, isAsWanted: serving?.version === wanted?.version, found })
      : []),
    ...setterTexts(device, found),
    ...(device.revokedAt !== null ? ['It was revoked and can no longer be reached.'] : []),
    ...(device.online || device.revokedAt !== null
      ? []
      : ['It is offline; what is wanted reaches it when it is back.']),
  ];
}

/** What the device says of its last update. Another model's is spoken of only where it may hold this model up. */
function stateTexts(
  device: DeviceView,
  {
    desired,
    reported,
    isAsWanted,
    found,
  }: {
    desired: NonNullable<DeviceView['desired']>;
    reported: NonNullable<DeviceView['reported']>;
    isAsWanted: boolean;
    found: Found;
  },
): string[] {
  if (found.order && reported.generation < found.order.generation)
    return [device.online ? 'It has not yet answered to that.' : 'It has not yet heard of that.'];
  const proof = reported.proof === null ? '' : ` and ${reported.proof}`;
  const reason = reported.reason === null ? '' : `: ${reported.reason.message}`;
  const outcome = `is ${reported.state}${proof}${reason}.`;
  if (isOwnReport(device, found)) return [`Its last update ${outcome}`];
  if (reported.generation > desired.generation)
    return [
      'Somebody has installed on the device itself since then.',
      `The last update of ${device.id} ${outcome}`,
    ];
  if (isAsWanted) return [];
  const models = desired.orders
    .filter(({ generation }) => generation === reported.generation)
    .map(({ model }) => model);
  const whose = models.length > 0 ? `, of ${models.join(' and ')},` : '';
  return [`The last update of ${device.id}${whose} ${outcome}`];
}

/** What the rollout found on the device that brought what it is to serve; what others found before is history. */
function setterTexts(device: DeviceView, found: Found): string[] {
  const { setter } = found;
  const member = setter && memberOf(setter, device.id);
  if (!setter || !member) return [];
  const text = member.reason ?? (member.state === 'proven' && !isOwnReport(device, found) ? 'proven' : null);
  if (text === null) return [];
  const prefix = member.state === 'unproven' ? 'unproven, ' : '';
  return [`In ${setter.id} to ${setter.plan.version}: ${prefix}${text}.`];
}
