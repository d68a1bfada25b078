import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { CoveyError, type ExponentialHistogram } from '@covey/protocol';
import { ExponentialHistogramSchema } from '@covey/protocol/telemetry-schemas';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bucketIndex, ExponentialHistogramAccumulator, mergeHistograms } from './histogram.ts';
import { orderedBuckets } from './ordered.ts';
import { quantile } from './quantile.ts';

const double = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: -10, max: 10, noNaN: true }),
  fc.integer({ min: -1074, max: 1023 }).map((exponent) => 2 ** exponent),
  fc.constantFrom(0, -0, Number.MIN_VALUE, -Number.MIN_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE),
);
const values = fc.array(double, { maxLength: 200 });

function histogramOf(numbers: ArrayLike<number>): ExponentialHistogram {
  const histogram = new ExponentialHistogramAccumulator();
  histogram.addAll(numbers);
  return histogram.toMessage();
}

test('powers of two end the bucket below them, at every scale, subnormal ones too', () => {
  for (let exponent = -1074; exponent <= 1023; exponent++) {
    for (let scale = 0; scale <= 20; scale++) {
      expect(bucketIndex(2 ** exponent, scale)).toBe(exponent * 2 ** scale - 1);
    }
    for (let scale = -10; scale < 0; scale++) {
      expect(bucketIndex(2 ** exponent, scale)).toBe((exponent - 1) >> -scale);
    }
  }
});

test('the next float above a power of two is in the bucket above', () => {
  for (let exponent = -126; exponent <= 127; exponent++) {
    const above = 2 ** exponent * (1 + 2 ** -23);
    expect(bucketIndex(above, 0)).toBe(exponent);
    expect(bucketIndex(above, 20)).toBe(exponent * 2 ** 20);
  }
});

test('downscaling is exact: the index at a lower scale is the index shifted', () => {
  fc.assert(
    fc.property(double, fc.integer({ min: -9, max: 20 }), (value, scale) => {
      fc.pre(value !== 0);
      const magnitude = Math.abs(value);
      expect(bucketIndex(magnitude, scale - 1)).toBe(bucketIndex(magnitude, scale) >> 1);
    }),
  );
});

test('counts sides and zeros apart, trims, and starts at scale 20', () => {
  expect(histogramOf([0, -0, 4, -4, -4])).toMatchObject({
    scale: 20,
    zeroCount: 2,
    positive: { offset: 2 ** 21 - 1, counts: [1] },
    negative: { offset: 2 ** 21 - 1, counts: [2] },
  });
  expect(histogramOf([1, 4])).toMatchObject({ scale: 6, positive: { offset: -1 } });
  expect(histogramOf([Number.MIN_VALUE, Number.MAX_VALUE]).scale).toBe(-4);
});

test('the scale is the highest that fits and the result does not depend on the order', () => {
  fc.assert(
    fc.property(values, (numbers) => {
      const histogram = histogramOf(numbers);
      expect(histogramOf([...numbers].reverse())).toEqual(histogram);
      const spans = [numbers.filter((x) => x > 0), numbers.filter((x) => x < 0).map((x) => -x)]
        .filter((side) => side.length > 0)
        .map((side) => {
          const at = (value: number): number => bucketIndex(value, histogram.scale + 1);
          return at(Math.max(...side)) - at(Math.min(...side)) + 1;
        });
      expect(histogram.scale === 20 || Math.max(...spans) > 160).toBe(true);
      expect(histogram.positive?.counts.length).toBeLessThanOrEqual(160);
      expect(histogram.negative?.counts.length).toBeLessThanOrEqual(160);
    }),
  );
});

test('merging is associative, commutative and equal to adding everything to one', () => {
  fc.assert(
    fc.property(values, values, values, (x, y, z) => {
      const [a, b, c] = [histogramOf(x), histogramOf(y), histogramOf(z)];
      const all = histogramOf([...x, ...y, ...z]);
      expect(mergeHistograms(mergeHistograms(a, b), c)).toEqual(all);
      expect(mergeHistograms(a, mergeHistograms(b, c))).toEqual(all);
      expect(mergeHistograms(mergeHistograms(c, a), b)).toEqual(all);
    }),
  );
});

test('ordered buckets ascend through zero and keep every count at any lower scale', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 0, max: 6 }), (numbers, shift) => {
      const histogram = histogramOf(numbers);
      const buckets = orderedBuckets(histogram, Math.max(-10, histogram.scale - shift));
      expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(numbers.length);
      buckets.forEach(({ order }, i) => {
        expect(order).toBeGreaterThan(buckets[i - 1]?.order ?? Number.NEGATIVE_INFINITY);
      });
    }),
  );
});

test('the quantile lies in its bounds and its error is within the bound of the scale', () => {
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (numbers, q) => {
      fc.pre(numbers.length > 0);
      const histogram = histogramOf(numbers);
      const sorted = Float64Array.from(numbers).sort();
      const truth = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] as number;
      const estimate = quantile(histogram, q);
      if (estimate === undefined) throw new Error('a histogram with values has quantiles');
      const slack = 1e-12 * Math.abs(truth);
      expect(truth).toBeGreaterThanOrEqual(estimate.lower - slack);
      expect(truth).toBeLessThanOrEqual(estimate.upper + slack);
      const base = 2 ** (2 ** -histogram.scale);
      const normal = estimate.lower !== 0 && Math.abs(truth) > 2 ** -1000 && Math.abs(truth) < 2 ** 1000;
      if (!normal) return;
      expect(Math.abs(estimate.value - truth)).toBeLessThanOrEqual(
        ((base - 1) / (base + 1)) * Math.abs(truth) + slack,
      );
    }),
  );
});

test('an empty histogram has no quantile and a wrong q is refused', () => {
  expect(quantile(histogramOf([]), 0.5)).toBeUndefined();
  for (const q of [-0.1, 1.1, Number.NaN]) expect(() => quantile(histogramOf([1]), q)).toThrow(CoveyError);
});

test('survives protobuf', () => {
  fc.assert(
    fc.property(values, (numbers) => {
      const histogram = histogramOf(numbers);
      const bytes = toBinary(ExponentialHistogramSchema, histogram);
      expect(fromBinary(ExponentialHistogramSchema, bytes)).toEqual(histogram);
    }),
  );
});

test('hostile histograms are merged or refused, quickly', () => {
  const counts = fc.array(fc.nat(), { maxLength: 200 });
  const buckets = fc.record({ offset: fc.integer(), counts });
  fc.assert(
    fc.property(fc.integer({ min: -40, max: 40 }), buckets, buckets, (scale, positive, negative) => {
      const hostile = histogramOf([1, -1]);
      Object.assign(hostile, { scale });
      if (hostile.positive) Object.assign(hostile.positive, positive);
      if (hostile.negative) Object.assign(hostile.negative, negative);
      try {
        const merged = mergeHistograms(hostile, histogramOf([0.5, 3]));
        const n = [...positive.counts, ...negative.counts].reduce((sum, count) => sum + count, 0);
        expect(orderedBuckets(merged).reduce((sum, { count }) => sum + count, 0)).toBe(n + 2);
      } catch (error) {
        if (!(error instanceof CoveyError)) throw error;
        expect(error.code).toBe('INVALID_DOCUMENT');
      }
    }),
  );
});
