import fc from 'fast-check';
import { expect, test } from 'vitest';
import { studentT, trimmedInterval } from './interval.ts';

test("Student's t is that of the printed tables", () => {
  // Abramowitz and Stegun, table 26.10.
  const table: [tail: number, degrees: number, t: number][] = [
    [0.025, 1, 12.706],
    [0.025, 2, 4.303],
    [0.025, 3, 3.182],
    [0.025, 10, 2.228],
    [0.005, 5, 4.032],
    [0.0005, 4, 8.61],
    [0.0005, 30, 3.646],
    [0.025, 120, 1.98],
  ];
  for (const [tail, degrees, t] of table) expect(studentT(tail, degrees)).toBeCloseTo(t, 2);
});

test('the mean lies inside, and fewer values or more certainty never narrow the interval', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 2, maxLength: 40 }),
      (values) => {
        const wide = trimmedInterval(values, 0.001);
        const narrow = trimmedInterval(values, 0.05);
        expect(narrow.low).toBeLessThanOrEqual(narrow.mean);
        expect(narrow.high).toBeGreaterThanOrEqual(narrow.mean);
        expect(wide.low).toBeLessThanOrEqual(narrow.low);
        expect(wide.high).toBeGreaterThanOrEqual(narrow.high);
      },
    ),
  );
});

test('a burst that hits one value in five moves nothing; one value says nothing', () => {
  const { mean } = trimmedInterval([1, 1, 1, 1, 100], 0.05);
  expect(mean).toBe(1);
  expect(trimmedInterval([3], 0.05)).toEqual({
    mean: 3,
    low: Number.NEGATIVE_INFINITY,
    high: Number.POSITIVE_INFINITY,
  });
});
