import { expect, test } from 'vitest';
import { createBlobChecks } from './checks.ts';

test('a blob is read through once in an hour while it is whole, and each time while it is not', async () => {
  let nowMs = 0;
  let looks = 0;
  let isWhole = true;
  const blobs = {
    isWhole: async () => {
      looks++;
      return isWhole;
    },
  };
  const { isWhole: check, doubt } = createBlobChecks(blobs, { monotonicMs: () => nowMs });
  expect(await Promise.all([check('a'), check('a')])).toEqual([true, true]);
  isWhole = false;
  nowMs = 3_599_999;
  expect([await check('a'), looks]).toEqual([true, 1]);
  nowMs = 3_600_000;
  expect([await check('a'), await check('a'), looks]).toEqual([false, false, 3]);
  isWhole = true;
  expect([await check('a'), await check('b'), looks]).toEqual([true, true, 5]);
  doubt('a');
  expect([await check('a'), await check('b'), looks]).toEqual([true, true, 6]);
});
