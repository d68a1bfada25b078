import { simulatedWorld } from '@covey/ports/simulated';
import { expect, it } from 'vitest';
import { createChanges } from './changes.ts';

function setUp() {
  const world = simulatedWorld(1);
  return { world, changes: createChanges({ clock: world.clock, random: world.random('changes') }) };
}

it('wakes who waits, names each change once, and goes on from the cursor', async () => {
  const { changes } = setUp();
  const start = await changes.after(undefined, 1_000);
  const waiting = changes.after(start.cursor, 1_000);
  changes.note('device', 'edge-1');
  expect((await waiting).changes).toEqual([{ kind: 'device', id: 'edge-1' }]);
  changes.note('device', 'edge-1');
  changes.note('rollout', 'r1');
  const all = await changes.after(start.cursor, 1_000);
  expect(all.changes).toEqual([
    { kind: 'device', id: 'edge-1' },
    { kind: 'rollout', id: 'r1' },
  ]);
  expect((await changes.after(all.cursor, 0)).changes).toEqual([]);
});

it('answers with nothing when the time is over, and at once when stopped', async () => {
  const { world, changes } = setUp();
  const { cursor } = await changes.after(undefined, 0);
  const waiting = changes.after(cursor, 5_000);
  await world.advance(5_000);
  expect(await waiting).toEqual({ cursor, reset: false, changes: [] });
  const stopped = changes.after(cursor, 5_000);
  changes.stop();
  expect((await stopped).changes).toEqual([]);
});

it('says when a cursor is of another start, nonsense, or too old', async () => {
  const { changes } = setUp();
  const { cursor } = await changes.after(undefined, 0);
  for (let i = 0; i <= 20_000; i++) changes.note('device', `d${i}`);
  for (const old of [cursor, 'feed.1', 'x', ''])
    expect(await changes.after(old, 1_000)).toMatchObject({ reset: true, changes: [] });
});
