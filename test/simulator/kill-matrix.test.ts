import { describe, expect, it } from 'vitest';
import { type CellOutcome, faults, type Row, rows, runRow } from './kill-matrix.ts';

/** A runtime that ended is started again at once, and loads in a moment. */
const restartMs = 200;

/** The one good version that a cell ends on. */
function expectedOf({ version, name }: Row, fault: string): string {
  // What ends the runtime while it loads the release is taken back.
  const isTakenBack = name === 'activating' && fault === 'SIGKILL runtime';
  return version === 'good' && !isTakenBack ? 'good' : 'first';
}

/** A version that nobody asked anything is committed as unproven, and the rollout waits for somebody. */
function expectedRollout({ version, isReplaying }: Row, serves: string): string {
  if (isReplaying) return 'paused';
  return serves === version ? 'succeeded' : 'reverted';
}

function check(row: Row, cell: CellOutcome): void {
  const where = `${row.name} x ${cell.fault}: ${JSON.stringify(cell)}`;
  expect(cell.wasStruck, where).toBe(true);
  expect(cell.serves, where).toBe(expectedOf(row, cell.fault));
  expect(cell.isKnown, where).toBe(true);
  expect(cell.longestGapMs, where).toBeLessThanOrEqual(restartMs);
  expect(cell.rollout, where).toBe(expectedRollout(row, cell.serves));
}

/** Whatever goes wrong in whatever state: one good version in the end, no longer silence than a restart, and the controller knows. */
describe('the kill matrix', () => {
  it.each(rows.map((row) => [row.name, row] as const))('%s', async (_name, row) => {
    const outcomes = await runRow(row);
    expect(outcomes.map(({ fault }) => fault)).toEqual(Object.keys(faults));
    for (const outcome of outcomes) check(row, outcome);
  });
});
