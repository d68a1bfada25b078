import type { UpdateState } from '@covey/protocol';
import type { RolloutStateName } from '@covey/protocol/api';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasEnded, type RolloutCommand, rolloutTransitions } from './advance.ts';
import { newRollout, plan, report, World } from './rollout.fixture.ts';
import type { Effect, Rollout } from './state.ts';
import { countsAsSuccess, judgeWave, waveTransitions } from './wave.ts';

const terminal: RolloutStateName[] = ['succeeded', 'reverted'];
const watchMs = 90_000;
type Action =
  | { kind: 'wait'; ms: number }
  | { kind: 'order'; order: RolloutCommand }
  | {
      kind: 'report';
      device: number;
      state: UpdateState;
      serves: string | null;
      isProven: boolean;
      isQuarantined: boolean;
    };

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 40_000 }) }),
  fc.record({
    kind: fc.constant('order' as const),
    order: fc.constantFrom<RolloutCommand>('pause', 'resume', 'abort'),
  }),
  fc.record({
    kind: fc.constant('report' as const),
    device: fc.nat(7),
    state: fc.constantFrom<UpdateState>(
      'downloading',
      'soaking',
      'committed',
      'committed',
      'reverted',
      'rejected',
    ),
    serves: fc.constantFrom('1.0.0' as const, '2.0.0' as const, '2.0.0' as const, null),
    isProven: fc.boolean(),
    isQuarantined: fc.nat(9).map((drawn) => drawn === 0),
  }),
);

/** The invariants of README.md, checked after every step of any history. */
function checkInvariants(world: World, before: Rollout, effects: Effect[]): void {
  const { rollout } = world;
  if (hasEnded(before, world.now)) expect(rollout).toEqual(before);
  if (before.state === 'succeeded' && rollout.state !== 'succeeded') {
    expect(['reverting', 'paused']).toContain(rollout.state);
    expect(rollout.reason).not.toBeNull();
  }
  expect(rollout.members.map((member) => [member.device, member.wave, member.previous])).toEqual(
    before.members.map((member) => [member.device, member.wave, member.previous]),
  );
  for (const effect of effects.filter((candidate) => candidate.kind === 'move')) {
    expect(rollout.state).toBe('running');
    const member = rollout.members.find((candidate) => candidate.device === effect.device);
    expect(
      rollout.waves.slice(0, member?.wave).every((wave) => wave === 'passed' || wave === 'accepted'),
    ).toBe(true);
  }
  const moves = world.effects.filter((effect) => effect.kind === 'move').map((effect) => effect.device);
  expect(new Set(moves).size).toBe(moves.length);
  rollout.waves.forEach((wave, index) => {
    const members = rollout.members.filter((member) => member.wave === index);
    if (wave === 'passed' && (rollout.state === 'running' || rollout.state === 'succeeded'))
      expect(members.every((member) => countsAsSuccess(member, rollout.plan.gate))).toBe(true);
    if (wave === 'waiting') expect(members.every((member) => member.state === 'waiting')).toBe(true);
  });
  if (rollout.state === 'succeeded')
    expect(rollout.waves.every((wave) => wave === 'passed' || wave === 'accepted')).toBe(true);
  if (rollout.state === 'reverted')
    expect(
      rollout.members.every((member) => ['waiting', 'returned', 'failed', 'silent'].includes(member.state)),
    ).toBe(true);
  if (rollout.state !== 'running')
    expect(rollout.state === 'succeeded' || rollout.reason !== null).toBe(true);
}

describe('any history of a rollout', () => {
  it('keeps the invariants, and without orders it ends or waits for one in bounded time', () => {
    const run = fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(action, { maxLength: 60 }),
      (count, first, actions) => {
        const devices = Array.from({ length: count }, (_, index) => `d${index}`);
        const world = new World(
          newRollout(
            devices,
            plan({ waves: [{ count: first }, { percent: 40 }], gate: { timeoutMs: 60_000, watchMs } }),
          ),
        );
        for (const next of actions) {
          const before = world.rollout;
          const from = world.effects.length;
          if (next.kind === 'wait') world.now += next.ms;
          else if (next.kind === 'order') world.order(next.order);
          else
            world.report(devices[next.device % count] ?? 'd0', {
              ...report(next.state, next.serves, next.isProven),
              isQuarantined: next.isQuarantined && next.serves === null,
            });
          checkInvariants(world, before, world.effects.slice(from));
          const middle = world.rollout;
          const effects = world.tick();
          checkInvariants(world, middle, effects);
        }
        for (let wave = 0; wave <= 2 * world.rollout.waves.length; wave++) {
          world.now += world.rollout.plan.gate.timeoutMs;
          world.tick();
          world.tick();
        }
        expect(['paused', ...terminal]).toContain(world.rollout.state);
      },
    );
    // A failure prints the seed and path with which it repeats.
    fc.assert(run, { numRuns: 500 });
  });
});

describe('the transition tables', () => {
  it('lead from the start to every state, and nowhere from an end', () => {
    const reach = (table: Record<string, Record<string, string>>, start: string) => {
      const reached = new Set([start]);
      for (const state of reached)
        for (const next of Object.values(table[state] ?? {})) if (next !== 'refused') reached.add(next);
      return [...reached].sort();
    };
    expect(reach(rolloutTransitions, 'running')).toEqual(Object.keys(rolloutTransitions).sort());
    expect(reach(waveTransitions, 'waiting')).toEqual(Object.keys(waveTransitions).sort());
    expect(reach(rolloutTransitions, 'reverted')).toEqual(['reverted']);
    expect(reach(waveTransitions, 'failed')).toEqual(['failed']);
  });
  it('judge a wave without a verdict while an outcome is missing', () => {
    const { members, plan: ofRollout } = newRollout(['a'], plan());
    expect(judgeWave(members, ofRollout.gate)).toBeUndefined();
  });
});
