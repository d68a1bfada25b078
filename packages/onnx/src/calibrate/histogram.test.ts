import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Histogram } from './histogram.ts';
import { entropyRange, percentileRange } from './thresholds.ts';

const rangeOf = (values: Float32Array) => ({ min: Math.min(...values), max: Math.max(...values) });
const batches = fc.array(
  fc.array(fc.float({ noNaN: true, min: -1000, max: 1000 }), { minLength: 1, maxLength: 50 }),
  { minLength: 1, maxLength: 6 },
);

describe('Histogram', () => {
  test('quantiles are those of all values, to the width of a bin, however it widened', () => {
    fc.assert(
      fc.property(batches, fc.double({ min: 0.01, max: 1, noNaN: true }), (lists, share) => {
        const histogram = new Histogram(128);
        for (const list of lists) histogram.add(Float32Array.from(list), rangeOf(Float32Array.from(list)));
        const sorted = lists.flat().sort((a, b) => a - b);
        const wanted = sorted[Math.max(0, Math.ceil(share * sorted.length - 1e-9) - 1)] ?? 0;
        const { width } = histogram.magnitudes();
        expect(Math.abs(histogram.quantile(share) - wanted)).toBeLessThanOrEqual(width * 1.001 + 1e-30);
      }),
    );
  });

  test('counts stay when it widens', () => {
    const histogram = new Histogram(128);
    histogram.add(Float32Array.of(1, -1, 0.5, 0), { min: -1, max: 1 });
    histogram.add(Float32Array.of(100, -300), { min: -300, max: 100 });
    expect(histogram.magnitudes().counts.reduce((sum, count) => sum + count, 0)).toBe(5);
  });
});

describe('thresholds', () => {
  const bell = Float32Array.from({ length: 20_000 }, (_, i) => {
    const angle = 2 * Math.PI * ((i * 0.618) % 1);
    return Math.sqrt(-2 * Math.log((i + 1) / 20_001)) * Math.cos(angle);
  });
  const withOutlier = Float32Array.of(...bell, 80);
  const histogram = new Histogram(2048);
  histogram.add(withOutlier, rangeOf(withOutlier));

  test('entropy gives up a lone outlier for the sake of the rest', () => {
    const range = entropyRange(histogram, rangeOf(withOutlier));
    expect(range.max).toBeLessThan(20);
    expect(range.max).toBeGreaterThan(2);
  });

  test('percentile cuts what it says, and nothing at 100', () => {
    expect(percentileRange(histogram, rangeOf(withOutlier), 99.9).max).toBeLessThan(6);
    expect(percentileRange(histogram, rangeOf(withOutlier), 100)).toEqual(rangeOf(withOutlier));
  });
});
