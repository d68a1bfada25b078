import type { ExponentialHistogram } from '@covey/protocol';
import type { HistogramSample } from './exposition.ts';

/** Bounds in milliseconds are powers of two from 2^-6 (15.6 us) to 2^16 (65.5 s). */
const lowestPower = -6;
const highestPower = 16;
const boundsMs = Array.from({ length: highestPower - lowestPower + 1 }, (_, i) => 2 ** (lowestPower + i));

/**
 * Buckets in seconds of durations in milliseconds. A power of two is a boundary of the exponential histogram at every scale
 * from 0 on, which durations never fall below, so the counts are exact: the histogram has its (base^i, base^(i+1)] end
 * where a bucket's inclusive bound is.
 */
export function secondsBuckets(
  { scale, zeroCount, positive }: ExponentialHistogram,
  { count, totalMs }: { count: number; totalMs: number },
): HistogramSample {
  const { offset = 0, counts = [] } = positive ?? {};
  let next = 0;
  let below = zeroCount;
  const buckets = boundsMs.map((bound, i) => {
    // Buckets that end at or before 2^power: their index is less than power * 2^scale.
    const end = (lowestPower + i) * 2 ** scale;
    for (; next < counts.length && offset + next < end; next++) below += counts[next] ?? 0;
    return { bound: bound / 1_000, count: below };
  });
  return { buckets, count, sum: totalMs / 1_000 };
}

/** Runs by the inferences in them, up to powers of two. `runs` are counted in parts, so counts may be fractions: rounded. */
export function batchBuckets(runs: Iterable<readonly [size: number, runs: number]>): HistogramSample {
  const sizes = [...runs].map(([size, count]) => ({ size, count }));
  const sumOf = (counted: typeof sizes) => counted.reduce((sum, { count }) => sum + count, 0);
  return {
    buckets: batchBounds.map((bound) => ({
      bound,
      count: Math.round(sumOf(sizes.filter(({ size }) => size <= bound))),
    })),
    count: Math.round(sumOf(sizes)),
    sum: Math.round(sizes.reduce((sum, { size, count }) => sum + size * count, 0)),
  };
}

/** Up to the most that ServingSettings allow. */
const batchBounds = Array.from({ length: 11 }, (_, i) => 2 ** i);
