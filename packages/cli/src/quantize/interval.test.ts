import fc from 'fast-check';
import { expect, test } from 'vitest';
import { medianInterval, ratioInterval } from './interval.ts';

test('the interval of 100 values lies ten ranks around the median', () => {
  const values = Array.from({ length: 100 }, (_, i) => i + 1);
  expect(medianInterval(values)).toEqual({ median: 50.5, lower: 40, upper: 61 });
  expect(medianInterval([3, 1, 2])).toMatchObject({ median: 2, lower: 1, upper: 3 });
  expect(medianInterval([])).toBeUndefined();
});

test('the true median is inside in at least 93 of 100 measurements', () => {
  // Fixed, so that the test cannot fail by chance.
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  let inside = 0;
  for (let trial = 0; trial < 1_000; trial++) {
    const interval = medianInterval(Array.from({ length: 60 }, () => -Math.log(1 - random())));
    if (interval && interval.lower <= Math.LN2 && Math.LN2 <= interval.upper) inside++;
  }
  expect(inside).toBeGreaterThan(930);
});

test('ratios are of pairs, so that noise common to both cancels', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 1 }), (baseline) => {
      const ratio = ratioInterval(
        baseline.map((value) => value * 0.5),
        baseline,
      );
      expect(ratio).toEqual({ median: 0.5, lower: 0.5, upper: 0.5 });
    }),
  );
});
