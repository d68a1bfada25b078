import type { Interval } from '@covey/protocol';

/** Two-sided 95 % of the normal distribution. */
const z = 1.959964;

/**
 * The median of values with its 95 % confidence interval from order statistics, which assumes no distribution: the ranks
 * (n -+ z sqrt(n)) / 2 (Conover, Practical Nonparametric Statistics, 3.2). Undefined for no values.
 */
export function medianInterval(values: readonly number[]): Interval | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  const at = (rank: number) => sorted[Math.min(n - 1, Math.max(0, rank))] ?? Number.NaN;
  if (n === 0) return undefined;
  const spread = z * Math.sqrt(n);
  return {
    median: (at(Math.ceil(n / 2) - 1) + at(Math.floor(n / 2))) / 2,
    lower: at(Math.floor((n - spread) / 2) - 1),
    upper: at(Math.ceil((n + spread) / 2)),
  };
}

/** The interval of `values` over `baseline`, pair by pair: what disturbed a round disturbed both. */
export function ratioInterval(values: readonly number[], baseline: readonly number[]): Interval | undefined {
  return medianInterval(values.map((value, round) => value / (baseline[round] ?? Number.NaN)));
}
