import { expect, test } from 'vitest';
import { formatBytes, formatCount } from './figures.ts';

test('counts and sizes have three digits and a unit', () => {
  expect([0, 999, 1_000, 307_683, 999_600, 100_418_560, 3_860_000_000].map(formatCount)).toEqual([
    '0',
    '999',
    '1.00 k',
    '308 k',
    '1.00 M',
    '100 M',
    '3.86 G',
  ]);
  expect([0, 512, 1_024, 4_915_200, 5 * 2 ** 30].map(formatBytes)).toEqual([
    '0 B',
    '512 B',
    '1.00 KiB',
    '4.69 MiB',
    '5.00 GiB',
  ]);
});
