import type { Member, Observation, Rollout } from './state.ts';
import { describeFailure, describeSilence } from './words.ts';

/** The outcomes that only a failure can still change. */
const settled: readonly Member['state'][] = ['proven', 'unproven'];

/**
 * What is known of a member after a look at its device. Only reports about the generation this rollout set, or a later one,
 * are evidence. A device that goes back but serves the target has gone back for another model's sake: no evidence against this one.
 */
export function judgeMember(
  member: Member,
  seen: Observation | undefined,
  rollout: Pick<Rollout, 'plan' | 'phaseStartedAt'>,
  now: number,
): Member {
  if (member.state === 'waiting' || member.state === 'failed' || member.state === 'returned') return member;
  const change = member.state === 'returning' ? judgeReturn(member, seen) : judgeMove(member, seen, rollout);
  if (change) return { ...member, ...change, updatedAt: now };
  const isWaitedFor = member.state === 'moving' || member.state === 'returning';
  const { timeoutMs } = rollout.plan.gate;
  const isLate = rollout.phaseStartedAt !== null && now - rollout.phaseStartedAt >= timeoutMs;
  if (!isWaitedFor || !(isLate || seen?.isRevoked)) return member;
  return { ...member, state: 'silent', reason: describeSilence(member, seen, timeoutMs), updatedAt: now };
}

function evidenceFor(member: Member, seen: Observation | undefined): Observation['reported'] {
  if (!seen?.reported || member.generation === null || seen.reported.generation < member.generation)
    return null;
  return seen.reported;
}

function judgeMove(
  member: Member,
  seen: Observation | undefined,
  { plan }: Pick<Rollout, 'plan'>,
): Partial<Member> | undefined {
  const reported = evidenceFor(member, seen);
  if (!reported) return undefined;
  const { evidence } = reported;
  const servesTarget = reported.serves === plan.version;
  if (reported.state === 'reverted' || reported.state === 'rejected') {
    if (servesTarget) return undefined;
    return { state: 'failed', evidence, reason: describeFailure(member, reported, plan) };
  }
  if (reported.state !== 'committed' || !servesTarget || settled.includes(member.state)) return undefined;
  if (reported.isProven) return { state: 'proven', evidence, reason: null };
  const isFirst = member.previous === null;
  const reason = isFirst
    ? 'first install: there was no version to compare with'
    : 'too few requests to compare the versions';
  return { state: 'unproven', evidence, reason };
}

function judgeReturn(member: Member, seen: Observation | undefined): Partial<Member> | undefined {
  const reported = evidenceFor(member, seen);
  if (reported?.state === 'committed' && reported.serves === member.previous) return { state: 'returned' };
  if (reported?.state !== 'reverted' && reported?.state !== 'rejected') return undefined;
  const target = member.previous ?? 'the state before';
  return { state: 'failed', reason: `did not go back to ${target}: ${reported.reason ?? reported.state}` };
}
