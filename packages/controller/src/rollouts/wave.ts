import type { Gate, WaveStateName } from '@covey/protocol/api';
import type { Member } from './state.ts';

/**
 * The wave machine.
 *
 *   waiting --start--> moving --pass--> passed <---pass (late)---+-------------+
 *                        |              |   |                    |             |
 *                        |              |   +--inconclusive      |             |
 *                        |              |      (late)--+         |             |
 *                        +--inconclusive|--------------+-> inconclusive --accept--> accepted
 *                        |              |                        |             |
 *                        +--fail--> failed <--fail (late)--------+-------------+
 *
 * `failed` is the end. A device re-opens a wave that had passed: it becomes `failed` when the device goes back late or serves
 * something else, `inconclusive` when it serves nothing any more.
 */
export type WaveEvent = 'start' | 'pass' | 'fail' | 'inconclusive' | 'accept';

const stays = (state: WaveStateName): Record<WaveEvent, WaveStateName> => ({
  start: state,
  pass: state,
  fail: state,
  inconclusive: state,
  accept: state,
});

/** Total: every event has an answer in every state. */
export const waveTransitions: Record<WaveStateName, Record<WaveEvent, WaveStateName>> = {
  waiting: { ...stays('waiting'), start: 'moving' },
  moving: { ...stays('moving'), pass: 'passed', fail: 'failed', inconclusive: 'inconclusive' },
  passed: { ...stays('passed'), fail: 'failed', inconclusive: 'inconclusive' },
  accepted: { ...stays('accepted'), pass: 'passed', fail: 'failed' },
  inconclusive: { ...stays('inconclusive'), pass: 'passed', fail: 'failed', accept: 'accepted' },
  failed: stays('failed'),
};

/** Whether a member speaks for the version. Unproven does so only where nothing was there to compare with, or the gate allows it. */
export function countsAsSuccess(member: Member, gate: Gate): boolean {
  if (member.state === 'proven') return true;
  return member.state === 'unproven' && (member.previous === null || gate.unprovenCounts);
}

/**
 * The verdict on a wave's members, or undefined while one has no outcome. Failures are judged at once. With a failure share
 * the gate tolerates and too little success besides, the verdict is `inconclusive`: unknown means stop.
 */
export function judgeWave(
  members: readonly Member[],
  gate: Gate,
): 'pass' | 'fail' | 'inconclusive' | undefined {
  const failed = members.filter((member) => member.state === 'failed').length;
  if (failed * 100 > gate.failurePercent * members.length) return 'fail';
  if (members.some((member) => member.state === 'moving' || member.state === 'waiting')) return undefined;
  const succeeded = members.filter((member) => countsAsSuccess(member, gate)).length;
  return succeeded * 100 >= gate.successPercent * members.length ? 'pass' : 'inconclusive';
}
