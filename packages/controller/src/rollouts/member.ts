import { retryClassOf, type UpdateState } from '@covey/protocol';
import type { Member, Observation, Rollout } from './state.ts';
import { describeDeferral, describeFailure, describeOther, describeSilence } from './words.ts';

type Reported = NonNullable<Observation['reported']>;

/** The outcomes that only what happens later can still change. */
const settled: readonly Member['state'][] = ['proven', 'unproven'];
/** A runtime that ended has been started again long before; who serves nothing after this, or the gate's time, serves nothing. */
const restartMs = 5 * 60_000;
/** A device asks again within an hour; only one on which the version failed waits for longer. */
const longestWaitMs = 24 * 60 * 60_000;
const isStarting = (reported: Reported, { gate }: Rollout['plan'], now: number) =>
  now - reported.at < Math.min(restartMs, gate.timeoutMs);

/**
 * What is known of a member after a look at its device. Only reports about the generation this rollout set, or a later one,
 * are evidence. A device that goes back but serves the target has gone back for another model's sake: no evidence against
 * this one. A device that had an outcome is looked at further: it may go back late, or serve something else, unless a later
 * order has made it do so.
 */
export function judgeMember(
  member: Member,
  seen: Observation | undefined,
  rollout: Pick<Rollout, 'plan' | 'phaseStartedAt'>,
  now: number,
): Member {
  if (member.state === 'waiting' || member.state === 'failed' || member.state === 'returned') return member;
  if (settled.includes(member.state) && seen?.wants !== rollout.plan.version) return member;
  const change =
    member.state === 'returning' ? judgeReturn(member, seen) : judgeMove(member, seen, rollout, now);
  if (change) return { ...member, ...change, updatedAt: now };
  const { timeoutMs } = rollout.plan.gate;
  const isLate = now >= waitedForSince(member, seen, rollout, now) + timeoutMs;
  if (!isUnderWay(member) || !(isLate || seen?.refusal)) return member;
  return { ...member, state: 'silent', reason: describeSilence(member, seen, timeoutMs), updatedAt: now };
}

/** A device that is put off is not silent: its time begins when it may go on, or was last heard of. */
function waitedForSince(
  member: Member,
  seen: Observation | undefined,
  { phaseStartedAt }: Pick<Rollout, 'phaseStartedAt'>,
  now: number,
): number {
  const since = phaseStartedAt ?? now;
  const reported = evidenceFor(member, seen);
  if (reported?.state !== 'deferred') return since;
  const heardAt = seen?.lastSeenAt ?? since;
  // By the device's clock, which may be years off.
  const until = Math.min(reported.reason?.until ?? heardAt, reported.at + longestWaitMs);
  return Math.max(since, heardAt, until);
}

/** How far the device of a member under way says it is with what this rollout ordered; null: nothing yet. */
export function phaseOf(member: Member, seen: Observation | undefined): UpdateState | null {
  return isUnderWay(member) ? (evidenceFor(member, seen)?.state ?? null) : null;
}

export function isUnderWay({ state }: Member): boolean {
  return state === 'moving' || state === 'returning';
}

function evidenceFor(member: Member, seen: Observation | undefined): Reported | null {
  if (!seen?.reported || member.generation === null || seen.reported.generation < member.generation)
    return null;
  // Gone back for the sake of a newer order, which it takes up next: what comes of that will be reported.
  if (seen.reported.reason?.code === 'SUPERSEDED') return null;
  return seen.reported;
}

function judgeMove(
  member: Member,
  seen: Observation | undefined,
  { plan }: Pick<Rollout, 'plan'>,
  now: number,
): Partial<Member> | undefined {
  const reported = evidenceFor(member, seen);
  if (!reported) return undefined;
  if (reported.serves === plan.version) return judgeServing(member, reported);
  if (reported.isQuarantined) return { state: 'failed', reason: describeOther(reported, plan) };
  if (reported.state === 'reverted' || reported.state === 'rejected')
    return judgeRefusal(member, reported, plan, now);
  if (reported.state === 'deferred' && member.state === 'moving') {
    const reason = describeDeferral(reported);
    return reason === member.reason ? undefined : { reason };
  }
  if (reported.state !== 'committed' || !settled.includes(member.state)) return undefined;
  if (reported.serves !== null) return { state: 'failed', reason: describeOther(reported, plan) };
  return isStarting(reported, plan, now)
    ? undefined
    : { state: 'silent', reason: describeOther(reported, plan) };
}

function judgeServing(member: Member, { state, isProven, evidence }: Reported): Partial<Member> | undefined {
  if (state !== 'committed' || settled.includes(member.state)) return undefined;
  if (isProven) return { state: 'proven', evidence, reason: null };
  const reason =
    member.previous === null
      ? 'first install: too few requests to judge it by, and no version to compare with'
      : 'too few requests to compare the versions';
  return { state: 'unproven', evidence, reason };
}

function judgeRefusal(
  member: Member,
  reported: Reported,
  plan: Rollout['plan'],
  now: number,
): Partial<Member> | undefined {
  const { evidence, reason, serves } = reported;
  // It may have gone back for another model's sake, while its runtime starts; a first version that never served is not waited for.
  const hadSome = member.previous !== null || settled.includes(member.state);
  if (serves === null && hadSome && isStarting(reported, plan, now)) return undefined;
  const described = describeFailure(member, reported, plan);
  const isPutOff = reason !== null && retryClassOf(reason.code) === 'deferred';
  return { state: isPutOff ? 'silent' : 'failed', evidence, reason: described };
}

function judgeReturn(member: Member, seen: Observation | undefined): Partial<Member> | undefined {
  const reported = evidenceFor(member, seen);
  if (reported?.state === 'committed' && reported.serves === member.previous) return { state: 'returned' };
  if (reported?.state !== 'reverted' && reported?.state !== 'rejected') return undefined;
  const target = member.previous ?? 'the state before';
  const why = reported.reason?.message ?? reported.state;
  return { state: 'failed', reason: `did not go back to ${target}: ${why}` };
}
