import { expect, test } from 'vitest';
import { Profile } from './profile.ts';

const fill = (profile: Profile, durationMs: (rows: number) => number, sizes: number[]) => {
  for (const rows of sizes) for (let run = 0; run < 3; run++) profile.observe(rows, durationMs(rows));
};
const proven = (settings = {}) => {
  const profile = new Profile(settings);
  profile.joinability = 'proven';
  return profile;
};
const powers = [1, 2, 4, 8, 16, 32, 64];

test('the smallest batch that makes nearly as much of a thread as the best; none where little is gained', () => {
  const gaining = proven();
  fill(gaining, (rows) => 0.1 * rows + 0.2, powers);
  expect(gaining.rowsThatPay).toBe(16);
  const dominated = proven();
  fill(dominated, (rows) => 10 * rows + 0.5, powers);
  expect(dominated.rowsThatPay).toBe(1);
  const unproven = new Profile({});
  fill(unproven, (rows) => 0.1 * rows + 0.2, powers);
  expect(unproven.rowsThatPay).toBe(1);
});

test('padding is to a size that was measured to be faster, or to the sizes declared', () => {
  const measured = proven();
  fill(measured, (rows) => (rows === 5 ? 9 : rows), [...powers, 5]);
  expect(measured.paddedRows(5)).toBe(8);
  expect(measured.paddedRows(3)).toBe(3);
  expect(measured.paddedRows(16)).toBe(16);
  const declared = proven({ sizes: [2, 8] });
  expect([1, 2, 3, 8, 9].map((rows) => declared.paddedRows(rows))).toEqual([2, 2, 8, 8, 9]);
  expect(declared.mostRows).toBe(8);
  expect(proven({ sizes: [2, 8], maxBatchSize: 4 }).mostRows).toBe(4);
});

test('what was measured in a bad moment is found out from the runs that follow', () => {
  const profile = proven();
  // Disturbed: every batch seemed as slow as its requests one by one.
  fill(profile, (rows) => 1.1 * rows, [1, 2, 4]);
  expect(profile.rowsThatPay).toBe(1);
  for (let run = 0; run < 2_000; run++) {
    const rows = profile.rowsThatPay;
    profile.observe(rows, 0.1 * rows + 1);
  }
  expect(profile.rowsThatPay).toBeGreaterThanOrEqual(16);
});

test('waiting pays only while it costs those who wait less than the fixed part of a run', () => {
  const profile = proven();
  fill(profile, (rows) => 0.1 * rows + 10, powers);
  expect(profile.waitingPays(1)).toBe(false);
  for (let arrival = 0; arrival < 50; arrival++) profile.arrived(arrival);
  expect(profile.waitingPays(1)).toBe(true);
  expect(profile.waitingPays(20)).toBe(false);
});
