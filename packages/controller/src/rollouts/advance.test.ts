import { describe, expect, it } from 'vitest';
import { newRollout, plan, report, seenEvidence, stateOf, World } from './rollout.fixture.ts';

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
    const evidence = seenEvidence({ samples: 50, agreement: 0.41, requests: 50 });
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
    world.observe('a', { reported: { ...report('reverted', '1.0.0'), at: 0, generation: 0 } });
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
