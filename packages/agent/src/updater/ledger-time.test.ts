import { SimulatedDisk, simulatedWorld } from '@covey/ports/simulated';
import { expect, it } from 'vitest';
import { openLedger } from '../ledger/index.ts';
import { initialUpdate } from '../update/index.ts';
import { ledgerTime } from './updater.ts';

const hour = 3_600_000;

/** Ledger time at a start, whose last stored time is `offMs` before the wall clock; null: nothing is stored. */
async function startedAfter(offMs: number | null) {
  const world = simulatedWorld(1);
  const disk = new SimulatedDisk(world.random('disk'), 1e6).port(async (operation) => operation());
  await disk.makeFolder('/state');
  const ledger = await openLedger(disk, '/state');
  const wall = world.clock.now();
  if (offMs !== null) await ledger.save(initialUpdate, wall - offMs);
  const now = ledgerTime(world.clock, ledger);
  return { world, now, wall };
}

it.each([
  ['is the wall clock at first', null, 0],
  ['goes on from what is stored', 1_000, 0],
  ['counts an hour of the time off at the most', 400 * 24 * hour, 400 * 24 * hour - hour],
  ['never goes back, where the clock did', -400 * 24 * hour, -400 * 24 * hour],
])('ledger time %s', async (_what, offMs, behindMs) => {
  const { world, now, wall } = await startedAfter(offMs);
  expect(now()).toBe(wall - behindMs);
  await world.advance(5_000);
  expect(now()).toBe(wall - behindMs + 5_000);
});
