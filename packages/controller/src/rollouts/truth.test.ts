import { describe, expect, it } from 'vitest';
import { newRollout, plan, report, stateOf, World } from './rollout.fixture.ts';

const dayMs = 86_400_000;

/** A rollout to three devices that has succeeded, at time 0. */
function succeeded(): World {
  const world = new World(newRollout(['a', 'b', 'c'], plan()));
  world.tick();
  world.report('a', report('committed', '2.0.0'));
  world.tick();
  for (const device of ['b', 'c']) world.report(device, report('committed', '2.0.0'));
  world.tick();
  expect(world.rollout.state).toBe('succeeded');
  return world;
}

describe('success is what serves after the soak, not what was installed (hawkBit #3185, #446, #1399)', () => {
  it('no wave passes while the version is only on its way, or serves in its soak', () => {
    const world = new World(newRollout(['a', 'b'], plan()));
    world.tick();
    for (const state of ['downloading', 'verifying', 'probing', 'activating', 'soaking'] as const) {
      world.report('a', report(state, '2.0.0'));
      expect(world.tick()).toEqual([]);
    }
    expect(stateOf(world, 'a')).toBe('moving');
  });

  it('a commit does not count while something else is loaded', () => {
    const world = new World(newRollout(['a', 'b'], plan()));
    world.tick();
    for (const served of ['1.0.0', '2.0.0 of other bytes', null]) {
      world.report('a', report('committed', served));
      expect(world.tick()).toEqual([]);
    }
    expect(stateOf(world, 'a')).toBe('moving');
  });
});

describe('a device that goes back late re-opens what had passed', () => {
  it('a wave while the rollout runs', () => {
    const world = new World(newRollout(['a', 'b'], plan()));
    world.tick();
    world.report('a', report('committed', '2.0.0'));
    world.tick();
    expect(world.rollout.waves).toEqual(['passed', 'moving']);
    world.report('a', report('reverted', '1.0.0'));
    world.tick();
    expect(world.rollout).toMatchObject({ state: 'reverting', waves: ['failed', 'moving'] });
  });

  it('a rollout that succeeded: the others go back too, as they would have before', () => {
    const world = succeeded();
    world.now = dayMs - 1;
    const reason = { code: 'CRASH_LOOP', message: 'the agent started 5 times in a row' };
    world.report('b', { ...report('reverted', '1.0.0'), reason });
    expect(world.tick()).toEqual([
      { kind: 'settle', device: 'b', version: '1.0.0' },
      { kind: 'return', device: 'a', version: '1.0.0' },
      { kind: 'return', device: 'c', version: '1.0.0' },
    ]);
    expect(world.rollout).toMatchObject({
      state: 'reverting',
      reason: 'device b: did not keep 2.0.0: the agent started 5 times in a row',
    });
    for (const device of ['a', 'c']) world.report(device, report('committed', '1.0.0', false));
    world.tick();
    expect(world.rollout.state).toBe('reverted');
  });

  it('not a first version whose runtime starts while another model goes back', () => {
    const world = new World(newRollout(['a'], plan(), null));
    world.tick();
    world.report('a', report('committed', '2.0.0', false));
    world.tick();
    world.report('a', report('reverted', null));
    expect(world.tick()).toEqual([]);
    world.report('a', report('reverted', '2.0.0'));
    world.now += 60_000;
    expect(world.tick()).toEqual([]);
    expect(world.rollout.state).toBe('succeeded');
  });

  it('a first version that succeeded is not taken off the devices that serve it', () => {
    const world = new World(newRollout(['a', 'b'], plan(), null));
    for (const device of ['a', 'b']) {
      world.tick();
      world.report(device, report('committed', '2.0.0', false));
    }
    world.tick();
    expect(world.rollout.state).toBe('succeeded');
    world.report('b', { ...report('committed', null), isQuarantined: true });
    expect(world.tick()).toEqual([{ kind: 'settle', device: 'b', version: null }]);
    world.tick();
    expect(world.rollout).toMatchObject({
      state: 'reverted',
      reason: expect.stringMatching(
        /kept ending the inference process.*; it stays on 1, where nothing came before it/,
      ),
    });
  });

  it('not for ever: a day after its success it is over', () => {
    const world = succeeded();
    world.now = dayMs;
    world.report('b', report('reverted', '1.0.0'));
    expect(world.tick()).toEqual([]);
    expect(world.rollout.state).toBe('succeeded');
  });

  it('and leaves alone what a later order has moved on', () => {
    const world = succeeded();
    world.observe('a', { wants: '3.0.0' });
    world.report('a', report('committed', '3.0.0'));
    world.tick();
    expect(world.rollout.state).toBe('succeeded');
    world.report('b', report('reverted', '1.0.0'));
    expect(world.tick().map(({ device }) => device)).toEqual(['b', 'c']);
  });
});

describe('a device that serves something else than it committed', () => {
  it('left out for ending the inference process: fails at once, and gets the version before', () => {
    const world = succeeded();
    world.report('c', { ...report('committed', null), isQuarantined: true });
    expect(world.tick()[0]).toEqual({ kind: 'settle', device: 'c', version: '1.0.0' });
    expect(world.rollout.state).toBe('reverting');
    expect(world.rollout.reason).toContain('kept ending the inference process');
  });

  it('another version: fails', () => {
    const world = succeeded();
    world.report('c', report('committed', '1.0.0'));
    world.tick();
    expect(world.rollout).toMatchObject({
      state: 'reverting',
      reason: 'device c: serves 1.0.0, and had 2.0.0',
    });
  });

  it('nothing: is waited for while the runtime starts, then stops the rollout, and counts again when it serves', () => {
    const world = succeeded();
    world.report('c', report('committed', null));
    world.now += 59_999;
    world.tick();
    expect(world.rollout.state).toBe('succeeded');
    world.now += 1;
    world.tick();
    expect(world.rollout).toMatchObject({ state: 'paused', waves: ['passed', 'inconclusive'] });
    expect(world.rollout.reason).toContain('serves nothing any more');
    world.report('c', report('committed', '2.0.0'));
    world.tick();
    expect(world.rollout).toMatchObject({ state: 'succeeded', waves: ['passed', 'passed'] });
  });

  it('an earlier wave stops the later ones', () => {
    const world = new World(newRollout(['a', 'b', 'c'], plan({ waves: [{ count: 1 }, { count: 1 }] })));
    world.tick();
    world.report('a', report('committed', '2.0.0'));
    world.tick();
    world.report('a', report('committed', null));
    world.now += 60_000;
    world.report('b', report('committed', '2.0.0'));
    expect(world.tick()).toEqual([]);
    expect(world.rollout).toMatchObject({ state: 'paused', waves: ['inconclusive', 'passed', 'waiting'] });
    world.order('resume');
    expect(world.tick().map(({ device }) => device)).toEqual(['c']);
  });
});

describe('a device that is put off is no failure (nerves_hub_web #774)', () => {
  const put = (until?: number) => ({
    ...report('deferred', '1.0.0'),
    reason: { code: 'WINDOW', message: 'the window opens at four', ...(until !== undefined && { until }) },
  });

  it('its time begins when it may go on, and everybody sees why it waits', () => {
    const world = new World(newRollout(['a'], plan()));
    world.tick();
    world.report('a', put(3_600_000));
    world.now = 3_600_000 + 59_999;
    world.tick();
    expect(world.rollout.state).toBe('running');
    expect(world.rollout.members[0]).toMatchObject({
      state: 'moving',
      reason: 'put off: the window opens at four; it asks again at 1970-01-01T01:00:00.000Z',
    });
    world.now += 1;
    world.tick();
    expect(world.rollout).toMatchObject({ state: 'paused', waves: ['inconclusive'] });
  });

  it('one that went back for the sake of a newer order, such as for another model, is waited for', () => {
    const world = new World(newRollout(['a'], plan()));
    world.tick();
    const reason = { code: 'SUPERSEDED', message: 'a newer order puts the version before it back' };
    world.report('a', { ...report('reverted', '1.0.0'), reason });
    world.tick();
    expect(world.rollout).toMatchObject({ state: 'running', members: [{ state: 'moving' }] });
    world.report('a', report('committed', '2.0.0'));
    world.tick();
    expect(world.rollout.members[0]).toMatchObject({ state: 'proven' });
  });

  it('without a time it is waited for as long as it is heard of, and no longer', () => {
    const world = new World(newRollout(['a'], plan()));
    world.tick();
    world.report('a', put());
    for (let minutes = 1; minutes < 100; minutes++) {
      world.now += 60_000;
      world.observe('a', { lastSeenAt: world.now - 1 });
      world.tick();
    }
    expect(stateOf(world, 'a')).toBe('moving');
    world.now += 60_000;
    world.tick();
    expect(stateOf(world, 'a')).toBe('silent');
  });

  it('put off for too long, it has no outcome: the rollout waits for somebody, and nobody goes back', () => {
    const world = new World(newRollout(['a', 'b'], plan({ waves: [{ count: 2 }] })));
    world.tick();
    world.report('a', report('committed', '2.0.0'));
    const reason = { code: 'DISK_FULL', message: 'it was put off for too long: no space left' };
    world.report('b', { ...report('reverted', '1.0.0'), reason });
    world.tick();
    expect(world.rollout.state).toBe('paused');
    expect(stateOf(world, 'b')).toBe('silent');
  });
});

it('a silent device stops a rollout, whatever the others say (hawkBit #693)', () => {
  const world = new World(newRollout(['a', 'b', 'c'], plan({ waves: [{ count: 2 }] })));
  world.tick();
  world.report('a', report('committed', '2.0.0'));
  world.now = 59_999;
  world.tick();
  expect(world.rollout.state).toBe('running');
  world.now = 60_000;
  expect(world.tick()).toEqual([]);
  expect(world.rollout).toMatchObject({
    state: 'paused',
    reason: 'wave 1 is inconclusive: device b: the device has not answered for 60 s',
  });
});
