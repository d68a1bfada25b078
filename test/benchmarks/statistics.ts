/** Where values lie: the middle one, and the range without the lowest and the highest twentieth. */
export interface Spread {
  p5: number;
  median: number;
  p95: number;
}

/** The value below which a share `q` (0..1) of `values` lies: nearest rank. Errors: no values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const found = sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  if (found === undefined) throw new Error('a quantile of no values was asked for');
  return found;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function spreadOf(values: readonly number[]): Spread {
  return { p5: quantile(values, 0.05), median: median(values), p95: quantile(values, 0.95) };
}

/** Ratios of values that were measured side by side: what disturbed a pair disturbed both of it. */
export function ratioOf(values: readonly number[], baseline: readonly number[]): Spread {
  return spreadOf(values.map((value, round) => value / (baseline[round] ?? Number.NaN)));
}

/** The median of values with its 95 % confidence interval from order statistics: the ranks (n -+ 1.96 sqrt(n)) / 2. */
export function medianInterval(values: readonly number[]): { median: number; lower: number; upper: number } {
  const spread = 1.96 / Math.sqrt(values.length);
  const at = (q: number) => quantile(values, Math.min(1, Math.max(0, q)));
  return { median: median(values), lower: at((1 - spread) / 2), upper: at((1 + spread) / 2) };
}
