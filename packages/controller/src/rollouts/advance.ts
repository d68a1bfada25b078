import type { RolloutStateName } from '@covey/protocol/api';
import { judgeMember } from './member.ts';
import type { Effect, Member, Observations, Rollout } from './state.ts';
import { judgeWave, type WaveEvent, waveTransitions } from './wave.ts';
import { describeFailedWave, describeInconclusiveWave, describeReturn, describeSuccess } from './words.ts';

/**
 * The rollout machine.
 *
 *   running --last-wave-passed--> succeeded <--last-wave-passed-- paused
 *     |  ^                         |   |                           ^ |
 *     |  |                         |   +--wave-inconclusive (late)-+ |
 *     |  +--------resume-----------|---------------------------------+
 *     |-----pause, wave-inconclusive------------------------------>|
 *     |                            | wave-failed (late)            |
 *     +--wave-failed, abort--> reverting <--wave-failed, abort-----+
 *                                  +--returned--> reverted
 *
 * `reverted` is the end, `succeeded` when `gate.watchMs` have passed since: until then a wave that is re-opened re-opens the
 * rollout. A failure takes the rollout back even while it is paused.
 */
export type RolloutEvent =
  | 'wave-passed'
  | 'last-wave-passed'
  | 'wave-failed'
  | 'wave-inconclusive'
  | 'returned'
  | 'pause'
  | 'resume'
  | 'abort';
export type RolloutCommand = Extract<RolloutEvent, 'pause' | 'resume' | 'abort'>;

type Row = Record<RolloutEvent, RolloutStateName | 'refused'>;
const ended = (state: RolloutStateName): Row => ({
  'wave-passed': state,
  'last-wave-passed': state,
  'wave-failed': state,
  'wave-inconclusive': state,
  returned: state,
  pause: 'refused',
  resume: 'refused',
  abort: 'refused',
});

/** Total: every event has an answer in every state; `refused` is what a command gets where it makes no sense. */
export const rolloutTransitions: Record<RolloutStateName, Row> = {
  running: {
    'wave-passed': 'running',
    'last-wave-passed': 'succeeded',
    'wave-failed': 'reverting',
    'wave-inconclusive': 'paused',
    returned: 'running',
    pause: 'paused',
    resume: 'refused',
    abort: 'reverting',
  },
  paused: {
    'wave-passed': 'paused',
    'last-wave-passed': 'succeeded',
    'wave-failed': 'reverting',
    'wave-inconclusive': 'paused',
    returned: 'paused',
    pause: 'refused',
    resume: 'running',
    abort: 'reverting',
  },
  reverting: { ...ended('reverting'), returned: 'reverted' },
  succeeded: { ...ended('succeeded'), 'wave-failed': 'reverting', 'wave-inconclusive': 'paused' },
  reverted: ended('reverted'),
};

export interface Step {
  rollout: Rollout;
  /** To be carried out in the transaction that stores `rollout`. */
  effects: Effect[];
}

/** One step on by what has been seen. Pure and idempotent: the same again, with the effects carried out, changes nothing. */
export function advance(before: Rollout, seen: Observations, now: number): Step {
  if (hasEnded(before, now)) return { rollout: before, effects: [] };
  const members = before.members.map((member) => judgeMember(member, seen.get(member.device), before, now));
  // A device that went back by itself shall no longer be told to run what it cannot.
  const settle = members
    .filter((member, index) => member.state === 'failed' && before.members[index]?.state !== 'failed')
    .map((member): Effect => {
      const reported = seen.get(member.device)?.reported;
      const version = reported?.isQuarantined ? member.previous : (reported?.serves ?? null);
      return { kind: 'settle', device: member.device, version };
    });
  const judged = judgeWaves({ ...before, members });
  const next = judged.state === 'reverting' ? finishReturn(judged) : moveOn(judged, seen, now);
  const hasChanged =
    JSON.stringify({ ...next.rollout, updatedAt: 0 }) !== JSON.stringify({ ...before, updatedAt: 0 });
  return {
    rollout: hasChanged ? { ...next.rollout, updatedAt: now } : before,
    effects: [...settle, ...next.effects],
  };
}

/** Whether nothing of it can change any more. */
export function hasEnded(
  { state, phaseStartedAt, plan, waves }: Omit<Rollout, 'members'>,
  now: number,
): boolean {
  if (state === 'succeeded') return waves.length === 0 || now - (phaseStartedAt ?? 0) >= plan.gate.watchMs;
  return state === 'reverted';
}

/** What an operator orders; undefined where the order makes no sense. Resuming accepts inconclusive waves as they are. */
export function command(
  before: Rollout,
  order: RolloutCommand,
  actor: string,
  { seen, now }: { seen: Observations; now: number },
): Step | undefined {
  const state = rolloutTransitions[before.state][order];
  if (state === 'refused') return undefined;
  if (order === 'abort') {
    const reason = `aborted by ${actor}`;
    return goBack({ ...before, updatedAt: now }, state, reason, { seen, now });
  }
  if (order === 'pause')
    return { rollout: { ...before, state, reason: `paused by ${actor}`, updatedAt: now }, effects: [] };
  const waves = before.waves.map((wave) => waveTransitions[wave].accept);
  return { rollout: { ...before, state, reason: null, waves, updatedAt: now }, effects: [] };
}

function withWave(rollout: Rollout, index: number, event: WaveEvent): Rollout {
  return {
    ...rollout,
    waves: rollout.waves.map((state, i) => (i === index ? waveTransitions[state][event] : state)),
  };
}

function judgeWaves(rollout: Rollout): Rollout {
  if (rollout.state === 'reverting') return rollout;
  let judged = rollout;
  rollout.waves.forEach((_, index) => {
    const members = rollout.members.filter((member) => member.wave === index);
    const verdict = judgeWave(members, rollout.plan.gate);
    if (verdict) judged = withWave(judged, index, verdict);
  });
  return judged;
}

function moveOn(rollout: Rollout, seen: Observations, now: number): Step {
  const state = rollout.waves[rollout.wave];
  if (rollout.waves.includes('failed')) {
    const reason = describeFailedWave(rollout);
    return goBack(rollout, after(rollout, 'wave-failed').state, reason, { seen, now });
  }
  if (rollout.waves.includes('inconclusive')) {
    const reason = describeInconclusiveWave(rollout);
    return { rollout: { ...rollout, ...after(rollout, 'wave-inconclusive'), reason }, effects: [] };
  }
  if (state === 'waiting')
    return rollout.state === 'running' ? startWave(rollout, now) : { rollout, effects: [] };
  if (state === 'moving') return { rollout, effects: [] };
  if (rollout.wave === rollout.waves.length - 1) {
    const succeeded = { ...after(rollout, 'last-wave-passed'), reason: describeSuccess(rollout) };
    const phaseStartedAt = rollout.state === 'succeeded' ? rollout.phaseStartedAt : now;
    return { rollout: { ...rollout, ...succeeded, phaseStartedAt }, effects: [] };
  }
  const passed = { ...rollout, ...after(rollout, 'wave-passed') };
  return passed.state === 'running'
    ? startWave({ ...passed, wave: rollout.wave + 1 }, now)
    : { rollout: passed, effects: [] };
}

function after(rollout: Rollout, event: Exclude<RolloutEvent, RolloutCommand>): { state: RolloutStateName } {
  const state = rolloutTransitions[rollout.state][event];
  return { state: state === 'refused' ? rollout.state : state };
}

function startWave(rollout: Rollout, now: number): Step {
  const { version } = rollout.plan;
  const isStarted = (member: { wave: number }) => member.wave === rollout.wave;
  const started = withWave(rollout, rollout.wave, 'start');
  return {
    rollout: {
      ...started,
      phaseStartedAt: now,
      members: started.members.map((member) =>
        isStarted(member) ? { ...member, state: 'moving', generation: null, updatedAt: now } : member,
      ),
    },
    effects: rollout.members
      .filter(isStarted)
      .map(({ device }): Effect => ({ kind: 'move', device, version })),
  };
}

/**
 * Every device that was moved, and has not gone back by itself, gets the version it had. Devices not yet touched stay, and
 * those that a later order has moved, wherever to.
 */
function goBack(
  rollout: Rollout,
  state: RolloutStateName,
  reason: string,
  { seen, now }: { seen: Observations; now: number },
): Step {
  // Where it had succeeded and nothing came before it, what serves is better than nothing.
  const keepsFirst = rollout.state === 'succeeded';
  const isMoved = ({ device, state, generation, previous }: Member) =>
    state !== 'waiting' &&
    state !== 'failed' &&
    generation !== null &&
    seen.get(device)?.wants === rollout.plan.version &&
    !(keepsFirst && previous === null);
  return {
    rollout: {
      ...rollout,
      state,
      reason,
      phaseStartedAt: now,
      members: rollout.members.map((member) =>
        isMoved(member) ? { ...member, state: 'returning', generation: null, updatedAt: now } : member,
      ),
    },
    effects: rollout.members
      .filter(isMoved)
      .map(({ device, previous }): Effect => ({ kind: 'return', device, version: previous })),
  };
}

function finishReturn(rollout: Rollout): Step {
  if (rollout.members.some((member) => member.state === 'returning')) return { rollout, effects: [] };
  return {
    rollout: { ...rollout, ...after(rollout, 'returned'), reason: describeReturn(rollout) },
    effects: [],
  };
}
