import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { claimFolder } from './claim.ts';

const newPath = () => join(mkdtempSync(join(tmpdir(), 'covey-claim-')), 'out');
const step = { name: 'step', inputs: 1, run: async () => ({}) };

test('a run that succeeded leaves its result alone', async () => {
  const folder = newPath();
  const claim = claimFolder(folder);
  claim.work.keep(Uint8Array.of(1));
  await claim.work.perform(step);
  claim.work.leaveUnfinished(step, {});
  writeFileSync(join(folder, 'result'), '');
  claim.finish();
  claim.release();
  expect(readdirSync(folder)).toEqual(['result']);
});

test('a run that failed before anything took long leaves nothing, or the folder as it was', async () => {
  const folder = newPath();
  for (const isThere of [false, true]) {
    if (isThere) mkdirSync(folder);
    const claim = claimFolder(folder);
    await claim.work.perform(step);
    expect(claim.abandon()).toEqual({ isKept: false });
    claim.release();
    expect(existsSync(folder)).toBe(isThere);
  }
});

test('what took long is kept, and so is what an earlier run left', () => {
  const folder = newPath();
  const first = claimFolder(folder);
  first.work.leaveUnfinished(step, { done: 1 });
  expect(first.abandon()).toEqual({ isKept: true });
  first.release();
  const second = claimFolder(folder);
  expect(second.abandon()).toEqual({ isKept: true });
  expect(second.work.unfinished(step)).toEqual({ done: 1 });
  second.release();
});

test('of two runs into one folder the second is refused, and takes nothing from the first', () => {
  const folder = newPath();
  const first = claimFolder(folder);
  first.work.leaveUnfinished(step, {});
  expect(() => claimFolder(folder)).toThrow(expect.objectContaining({ code: 'DATA_LOCKED' }));
  expect(first.work.hasUnfinished()).toBe(true);
  first.release();
});
