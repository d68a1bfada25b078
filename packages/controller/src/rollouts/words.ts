import type { RolloutPlan } from '@covey/protocol/api';
import type { DeviceRefusal } from '../storage/index.ts';
import type { Member, Observation, Rollout } from './state.ts';
import { countsAsSuccess } from './wave.ts';

const percentText = (share: number) => `${Math.round(share * 1_000) / 10} %`;

/** A duration for people: `90 s`, `15 min`, `24 h`. */
function durationText(durationMs: number): string {
  if (durationMs < 120_000) return `${Math.round(durationMs / 1_000)} s`;
  if (durationMs < 7_200_000) return `${Math.round(durationMs / 60_000)} min`;
  return `${Math.round(durationMs / 3_600_000)} h`;
}

/** Why a device took the version back or refused it: in numbers where the soak measured, else in the device's words. */
export function describeFailure(
  member: Pick<Member, 'previous'>,
  reported: NonNullable<Observation['reported']>,
  plan: Pick<RolloutPlan, 'version' | 'soak'>,
): string {
  const { version, soak } = plan;
  const seen = reported.evidence;
  if (seen && seen.agreement !== null && seen.samples > 0 && seen.agreement < soak.minAgreement)
    return `${version} agreed with ${member.previous ?? 'the version before'} on ${percentText(seen.agreement)} of ${seen.samples} mirrored inputs, ${percentText(soak.minAgreement)} needed`;
  if (seen && seen.requests > 0 && seen.errors > soak.maxErrorRate * seen.requests)
    return `${version} failed on ${seen.errors} of ${seen.requests} requests, at most ${percentText(soak.maxErrorRate)} allowed`;
  const words = reported.reason?.message ?? 'the device gave no reason';
  return reported.state === 'rejected' ? `refused ${version}: ${words}` : `did not keep ${version}: ${words}`;
}

/** What a device serves that was to serve the version, and had said that it did. */
export function describeOther(
  { serves, isQuarantined }: NonNullable<Observation['reported']>,
  { version }: Pick<RolloutPlan, 'version'>,
): string {
  if (isQuarantined) return `${version} kept ending the inference process and is not loaded any more`;
  return serves === null
    ? `serves nothing any more, and had ${version}`
    : `serves ${serves}, and had ${version}`;
}

/** Why a device has not begun, or not gone on, which is no failure. */
export function describeDeferral({ reason }: NonNullable<Observation['reported']>): string {
  // Which may be long before it may go on: what holds it up, says the message.
  const again = !reason?.until ? '' : `; it asks again at ${new Date(reason.until).toISOString()}`;
  return `put off: ${reason?.message ?? 'the device gave no reason'}${again}`;
}

const refusalWords: Readonly<Record<DeviceRefusal, string>> = {
  revoked: 'the device was revoked',
  reset: 'the device was reset, and has not enrolled anew',
  quarantined: 'the device is in quarantine: two machines used its identity',
};

/** Why a device has no outcome. */
export function describeSilence(
  member: Pick<Member, 'generation'>,
  seen: Observation | undefined,
  timeoutMs: number,
): string {
  if (!seen) return 'the device is not known any more';
  if (seen.refusal) return refusalWords[seen.refusal];
  const reported = seen.reported;
  const time = durationText(timeoutMs);
  if (!reported || member.generation === null || reported.generation < member.generation)
    return `the device has not answered for ${time}`;
  return `the device is still ${reported.state} after ${time}${reported.reason ? `: ${reported.reason.message}` : ''}`;
}

/** `device edge-1: ...`, and how many more. */
function firstOf(members: readonly Member[]): string {
  const [first] = members;
  if (!first) return 'no device had an outcome';
  const more = members.length > 1 ? ` (and ${members.length - 1} more)` : '';
  return `device ${first.device}: ${first.reason ?? first.state}${more}`;
}

/** Why a rollout goes back. */
export function describeFailedWave(rollout: Rollout): string {
  return firstOf(rollout.members.filter((member) => member.state === 'failed'));
}

/** Why a rollout waits for somebody to decide. */
export function describeInconclusiveWave(rollout: Rollout): string {
  const { gate } = rollout.plan;
  const index = rollout.waves.indexOf('inconclusive');
  const doubtful = rollout.members.filter(
    (member) => member.wave === index && !countsAsSuccess(member, gate),
  );
  return `wave ${index + 1} is inconclusive: ${firstOf(doubtful)}`;
}

/** Why a rollout has no devices. */
export function describeNothing(
  { model, version, selector }: Pick<RolloutPlan, 'model' | 'version' | 'selector'>,
  devices: number,
): string {
  return `nothing to do: ${devices} of ${devices} devices of ${selector} were to run ${model} ${version} already`;
}

/** What a success leaves in doubt; null: nothing. */
export function describeSuccess(rollout: Rollout): string | null {
  const doubtful = rollout.members.filter((member) => member.state !== 'proven');
  return doubtful.length === 0
    ? null
    : `${doubtful.length} of ${rollout.members.length} without proof: ${firstOf(doubtful)}`;
}

/** Why it went back, and which devices have not been seen to. */
export function describeReturn(rollout: Rollout): string {
  const lost = rollout.members.filter((member) => member.state === 'silent');
  const isKept = ({ state, previous }: Member) =>
    previous === null && (state === 'proven' || state === 'unproven');
  const kept = rollout.members.filter(isKept);
  const parts = [rollout.reason ?? ''];
  if (lost.length > 0) parts.push(`not seen to go back: ${firstOf(lost)}`);
  if (kept.length > 0) parts.push(`it stays on ${kept.length}, where nothing came before it`);
  return parts.join('; ');
}
