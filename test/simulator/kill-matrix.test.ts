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

/** All in the long form (`npm run long`); in the short one a third in each row, so that every fault meets four states. */
function columnsOf(rowIndex: number): string[] {
  const isTaken = (_name: string, index: number) => (rowIndex + index) % 3 === 0;
  return Object.keys(faults).filter(process.env.COVEY_LONG === undefined ? isTaken : () => true);
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
  it.each(rows.map((row, index) => [row.name, row, index] as const))('%s', async (_name, row, index) => {
    const columns = columnsOf(index);
    const outcomes = await runRow(row, columns);
    expect(outcomes.map(({ fault }) => fault)).toEqual(columns);
    for (const outcome of outcomes) check(row, outcome);
  });
});
