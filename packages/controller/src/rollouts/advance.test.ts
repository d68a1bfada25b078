import type { UpdateState } from '@covey/protocol';
import { RolloutPlan, type RolloutStateName } from '@covey/protocol/api';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance, command, type RolloutCommand, rolloutTransitions } from './advance.ts';
import type { Effect, Observation, Rollout } from './state.ts';
import { countsAsSuccess, judgeWave, waveTransitions } from './wave.ts';
import { divideIntoWaves } from './waves.ts';

const plan = (overrides: object = {}): RolloutPlan =>
  RolloutPlan.parse({
    model: 'bearing',
    version: '2.0.0',
    waves: [{ count: 1 }],
    gate: { timeoutMs: 60_000 },
    ...overrides,
  });

function newRollout(devices: string[], plan: RolloutPlan, previous: string | null = '1.0.0'): Rollout {
  const waves = divideIntoWaves(devices, plan.waves);
  return {
    id: 'r1',
    plan,
    state: 'running',
    reason: null,
    wave: 0,
    waves: waves.map(() => 'waiting'),
    members: waves.flatMap((wave, index) =>
      wave.map((device) => ({
        device,
        wave: index,
        state: 'waiting' as const,
        previous,
        reason: null,
        evidence: null,
        generation: null,
        updatedAt: 0,
      })),
    ),
    phaseStartedAt: null,
    createdAt: 0,
    createdBy: 'admin',
    updatedAt: 0,
  };
}

/** Rollout and devices together: carries out effects as the controller does, with one generation counter per device. */
class World {
  rollout: Rollout;
  now = 0;
  readonly generations = new Map<string, number>();
  readonly seen = new Map<string, Observation>();
  readonly effects: Effect[] = [];

  constructor(rollout: Rollout) {
    this.rollout = rollout;
    for (const { device, previous } of rollout.members)
      this.seen.set(device, {
        isRevoked: false,
        reported: { ...report('committed', previous), generation: 0 },
      });
  }

  tick(): Effect[] {
    const step = advance(this.rollout, this.seen, this.now);
    this.carryOut(step.rollout, step.effects);
    return step.effects;
  }

  order(order: RolloutCommand): boolean {
    const step = command(this.rollout, order, 'admin', this.now);
    if (!step) return false;
    this.carryOut(step.rollout, step.effects);
    return true;
  }

  report(device: string, reported: Omit<NonNullable<Observation['reported']>, 'generation'>): void {
    const generation = this.generations.get(device) ?? 0;
    this.seen.set(device, { isRevoked: false, reported: { ...reported, generation } });
  }

  private carryOut(rollout: Rollout, effects: Effect[]): void {
    const set = new Map<string, number>();
    for (const { device } of effects) {
      const generation = (this.generations.get(device) ?? 0) + 1;
      this.generations.set(device, generation);
      set.set(device, generation);
    }
    this.effects.push(...effects);
    this.rollout = {
      ...rollout,
      members: rollout.members.map((member) => ({
        ...member,
        generation: set.get(member.device) ?? member.generation,
      })),
    };
  }
}

function report(state: UpdateState, serves: string | null, isProven = true) {
  return { state, serves, isProven, reason: null, evidence: null };
}
const stateOf = (world: World, device: string) =>
  world.rollout.members.find((member) => member.device === device)?.state;

describe('a rollout', () => {
  it('moves wave by wave as devices prove the version', () => {
    const world = new World(newRollout(['a', 'b', 'c'], plan()));
    expect(world.tick()).toEqual([{ kind: 'move', device: 'a', version: '2.0.0' }]);
    expect(world.tick()).toEqual([]);
    world.report('a', report('soaking', '2.0.0'));
    expect(world.tick()).toEqual([]);
    world.report('a', report('committed', '2.0.0'));
    expect(world.tick().map((effect) => effect.device)).toEqual(['b', 'c']);
    world.report('b', report('committed', '2.0.0'));
    world.tick();
    expect(world.rollout.state).toBe('running');
    world.report('c', report('committed', '2.0.0'));
    world.tick();
    expect(world.rollout).toMatchObject({ state: 'succeeded', waves: ['passed', 'passed'], reason: null });
  });

  it('takes moved devices back when one fails, and says why in numbers', () => {
    const world = new World(newRollout(['edge-1', 'edge-2', 'edge-3'], plan({ waves: [{ count: 2 }] })));
    world.tick();
    world.report('edge-2', report('committed', '2.0.0'));
    const evidence = { samples: 50, agreement: 0.41, errors: 0, requests: 50, latencyRatio: null };
    world.report('edge-1', { ...report('reverted', '1.0.0'), evidence });
    expect(world.tick()).toEqual([
      { kind: 'settle', device: 'edge-1', version: '1.0.0' },
      { kind: 'return', device: 'edge-2', version: '1.0.0' },
    ]);
    expect(world.rollout.state).toBe('reverting');
    world.report('edge-2', report('committed', '1.0.0', false));
    world.tick();
    expect(world.rollout).toMatchObject({
      state: 'reverted',
      waves: ['failed', 'waiting'],
      reason: 'device edge-1: 2.0.0 agreed with 1.0.0 on 41 % of 50 mirrored inputs, 98 % needed',
    });
    expect(world.rollout.members.map((member) => member.state)).toEqual(['failed', 'returned', 'waiting']);
  });

  it('does not take an old report for an answer', () => {
    const world = new World(newRollout(['a'], plan()));
    world.seen.set('a', { isRevoked: false, reported: { ...report('reverted', '1.0.0'), generation: 0 } });
    world.tick();
    world.tick();
    expect(stateOf(world, 'a')).toBe('moving');
  });

  it('pauses on a silent device; resuming accepts it, a late proof counts', () => {
    const world = new World(newRollout(['a', 'b'], plan()));
    world.tick();
    world.now = 59_999;
    world.tick();
    expect(world.rollout.state).toBe('running');
    world.now = 60_000;
    world.tick();
    expect(world.rollout).toMatchObject({
      state: 'paused',
      waves: ['inconclusive', 'waiting'],
      reason: 'wave 1 is inconclusive: device a: the device has not answered for 60 s',
    });
    expect(world.order('resume')).toBe(true);
    expect(world.tick().map((effect) => effect.device)).toEqual(['b']);
    expect(world.rollout.waves).toEqual(['accepted', 'moving']);
    world.report('a', report('committed', '2.0.0'));
    world.tick();
    expect(world.rollout.waves).toEqual(['passed', 'moving']);
  });

  it('counts an unproven commit on a first install only', () => {
    for (const [previous, state] of [
      [null, 'succeeded'],
      ['1.0.0', 'paused'],
    ] as const) {
      const world = new World(newRollout(['a'], plan(), previous));
      world.tick();
      world.report('a', report('committed', '2.0.0', false));
      world.tick();
      expect(world.rollout.state).toBe(state);
      expect(stateOf(world, 'a')).toBe('unproven');
    }
  });

  it('goes back even while paused, and moves nothing while paused', () => {
    const world = new World(newRollout(['a', 'b'], plan()));
    world.tick();
    expect(world.order('pause')).toBe(true);
    world.report('a', report('committed', '2.0.0'));
    expect(world.tick()).toEqual([]);
    world.report('a', report('reverted', '1.0.0'));
    world.tick();
    expect(world.rollout.state).toBe('reverting');
    expect(world.order('resume')).toBe(false);
  });

  it('holds a device blameless that goes back for another model', () => {
    const world = new World(newRollout(['a'], plan()));
    world.tick();
    world.report('a', report('reverted', '2.0.0'));
    world.tick();
    expect(stateOf(world, 'a')).toBe('moving');
  });

  it('ends its way back when a device stays away', () => {
    const world = new World(newRollout(['a', 'b'], plan({ waves: [{ count: 2 }] })));
    world.tick();
    world.order('abort');
    world.report('a', report('committed', '1.0.0'));
    world.now = 60_000;
    world.tick();
    expect(world.rollout).toMatchObject({
      state: 'reverted',
      reason: 'aborted by admin; not seen to go back: device b: the device has not answered for 60 s',
    });
  });
});

describe('waves', () => {
  it('keep every device once, in order, and none is empty', () => {
    const size = fc.oneof(
      fc.record({ count: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ percent: fc.double({ min: 0.01, max: 100, noNaN: true }) }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { maxLength: 50 }),
        fc.array(size, { maxLength: 6 }),
        (devices, sizes) => {
          const waves = divideIntoWaves(devices, sizes);
          expect(waves.flat()).toEqual(devices);
          expect(waves.every((wave) => wave.length > 0)).toBe(true);
        },
      ),
    );
  });
  it('round percentages up', () => {
    expect(divideIntoWaves([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [{ percent: 10 }, { percent: 50 }])).toEqual([
      [1, 2],
      [3, 4, 5, 6, 7, 8],
      [9, 10, 11],
    ]);
  });
});

const terminal: RolloutStateName[] = ['succeeded', 'reverted'];
type Action =
  | { kind: 'wait'; ms: number }
  | { kind: 'order'; order: RolloutCommand }
  | { kind: 'report'; device: number; state: UpdateState; serves: '1.0.0' | '2.0.0'; isProven: boolean };

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
    serves: fc.constantFrom('1.0.0' as const, '2.0.0' as const, '2.0.0' as const),
    isProven: fc.boolean(),
  }),
);

/** The invariants of README.md, checked after every step of any history. */
function checkInvariants(world: World, before: Rollout, effects: Effect[]): void {
  const { rollout } = world;
  if (terminal.includes(before.state)) expect(rollout).toEqual(before);
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
        const world = new World(newRollout(devices, plan({ waves: [{ count: first }, { percent: 40 }] })));
        for (const next of actions) {
          const before = world.rollout;
          const from = world.effects.length;
          if (next.kind === 'wait') world.now += next.ms;
          else if (next.kind === 'order') world.order(next.order);
          else
            world.report(
              devices[next.device % count] ?? 'd0',
              report(next.state, next.serves, next.isProven),
            );
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
    for (const end of terminal) expect(reach(rolloutTransitions, end)).toEqual([end]);
    expect(reach(waveTransitions, 'failed')).toEqual(['failed']);
  });
  it('judge a wave without a verdict while an outcome is missing', () => {
    const { members, plan: ofRollout } = newRollout(['a'], plan());
    expect(judgeWave(members, ofRollout.gate)).toBeUndefined();
  });
});
