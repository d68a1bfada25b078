import { CoveyError } from '@covey/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MomentsAccumulator, standardDeviation } from './moments.ts';

const values = fc.array(fc.double({ min: -1e100, max: 1e100, noNaN: true }), { maxLength: 60 });

function momentsOf(numbers: readonly number[]) {
  const moments = new MomentsAccumulator();
  for (const number of numbers) moments.add(number);
  return moments.toMessage();
}

/** Below the smallest normal double, rounding is absolute. */
const smallestNormal = 2 ** -1022;

function expectClose(actual: number, expected: number, scale: number): void {
  const tolerance = 1e-9 * (Math.abs(expected) + scale) + smallestNormal;
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(tolerance);
}

test('known values', () => {
  const moments = momentsOf([2, 4, 4, 4, 5, 5, 7, 9]);
  expect(moments).toMatchObject({ count: 8, mean: 5, m2: 32, min: 2, max: 9 });
  expect(standardDeviation(moments)).toBe(2);
});

test('bulk and merged equal one by one', () => {
  fc.assert(
    fc.property(values, values, (a, b) => {
      const expected = momentsOf([...a, ...b]);
      const bulk = new MomentsAccumulator();
      bulk.addAll(Float64Array.from(a));
      bulk.addAll(b);
      const merged = new MomentsAccumulator();
      merged.merge(momentsOf(b));
      merged.merge(momentsOf(a));
      const span = Math.max(1e-300, ...a.map(Math.abs), ...b.map(Math.abs));
      for (const actual of [bulk.toMessage(), merged.toMessage()]) {
        expect(actual.count).toBe(expected.count);
        expect([actual.min, actual.max]).toEqual([expected.min, expected.max]);
        expectClose(actual.mean, expected.mean, span);
        expectClose(actual.m2, expected.m2, span * span);
      }
    }),
  );
});

test('a large offset does not drown the variance', () => {
  const moments = new MomentsAccumulator();
  moments.addAll([1e9 + 4, 1e9 + 7]);
  moments.addAll([1e9 + 13, 1e9 + 16]);
  expect(moments.toMessage().m2).toBe(90);
});

test('empty is zeros and merges as nothing', () => {
  const empty = momentsOf([]);
  expect(empty).toMatchObject({ count: 0, mean: 0, m2: 0, min: 0, max: 0 });
  const moments = new MomentsAccumulator();
  moments.merge(empty);
  moments.merge(momentsOf([3]));
  expect(moments.toMessage()).toMatchObject({ count: 1, mean: 3, min: 3, max: 3 });
});

test.each([{ m2: -1 }, { mean: Number.NaN }, { min: 5 }, { max: Number.POSITIVE_INFINITY }])(
  'impossible moments %o are refused',
  (wrong) => {
    const moments = Object.assign(momentsOf([1, 2]), wrong);
    expect(() => new MomentsAccumulator().merge(moments)).toThrow(CoveyError);
  },
);
