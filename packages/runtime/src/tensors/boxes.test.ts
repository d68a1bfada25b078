import { expect, test } from 'vitest';
import { overlap } from './index.ts';

test('the share of what two boxes cover together that both cover', () => {
  expect(overlap([0, 0, 2, 2], 0, [0, 0, 2, 2], 0)).toBe(1);
  expect(overlap([0, 0, 2, 2], 0, [1, 0, 3, 2], 0)).toBeCloseTo(1 / 3, 12);
  expect(overlap([0, 0, 1, 1], 0, [2, 2, 3, 3], 0)).toBe(0);
  // Boxes of one list, each where it begins.
  const corners = Float32Array.of(9, 0, 0, 4, 4, 0, 0, 4, 2);
  expect(overlap(corners, 1, corners, 5)).toBe(0.5);
});

test('what is no number overlaps nothing, and is not told to', () => {
  expect(overlap([0, 0, Number.NaN, 1], 0, [0, 0, 1, 1], 0)).toBeNaN();
  expect(overlap([0, 0, 1], 0, [0, 0, 1, 1], 0)).toBeNaN();
  expect(overlap([0, 0, 0, 0], 0, [0, 0, 0, 0], 0)).toBeNaN();
});
