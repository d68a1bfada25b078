import { lnGamma } from './gamma.ts';

/**
 * Evidence against a rate of `rate`, as the logarithm of an e-value: Robbins' beta-binomial mixture with a uniform prior
 * (Howard, Ramdas, McAuliffe, Sekhon: Time-uniform, nonparametric, nonasymptotic confidence sequences, 2021, section 3.3),
 * ln [B(1 + hits, 1 + misses) / (rate^hits (1 - rate)^misses)]. If the rate of hits is `rate`, its exponential ever reaches
 * 1/alpha with probability alpha at most, however often one looks.
 */
export function rateEvidence(hits: number, misses: number, rate: number): number {
  if ((rate <= 0 && hits > 0) || (rate >= 1 && misses > 0)) return Number.POSITIVE_INFINITY;
  const likelihood = (hits > 0 ? hits * Math.log(rate) : 0) + (misses > 0 ? misses * Math.log1p(-rate) : 0);
  return lnGamma(1 + hits) + lnGamma(1 + misses) - lnGamma(2 + hits + misses) - likelihood;
}

/**
 * Exact confidence sequence of a rate: with probability 1 - alpha it holds the true rate at every look, however many there
 * are. The rates against which `rateEvidence` stays below 1/alpha.
 */
export function rateInterval(hits: number, misses: number, alpha: number): [number, number] {
  const seen = hits + misses;
  if (seen === 0) return [0, 1];
  const share = hits / seen;
  const isOutside = (rate: number) => rateEvidence(hits, misses, rate) >= -Math.log(alpha);
  return [edge(share, 0, isOutside), edge(share, 1, isOutside)];
}

/** Where `isOutside` begins between `inside` and `outside`; `outside` itself when it is inside too. */
function edge(inside: number, outside: number, isOutside: (rate: number) => boolean): number {
  if (!isOutside(outside)) return outside;
  let [within, beyond] = [inside, outside];
  for (let halving = 0; halving < 50; halving++) {
    const middle = (within + beyond) / 2;
    if (isOutside(middle)) beyond = middle;
    else within = middle;
  }
  return beyond;
}

/** The upper end of `rateInterval` after `seen` observations without a hit. */
export function cleanRateBound(seen: number, alpha: number): number {
  return 1 - (alpha / (seen + 1)) ** (1 / seen);
}

/**
 * Evidence that counts do not come from the `expected` shares, as the logarithm of an e-value: the Dirichlet-multinomial
 * mixture of arXiv 2011.03567 with concentration k, ln G(k) - ln G(k + N) + sum over cells of
 * [ln G(k e + n) - ln G(k e) - n ln e]. `rateEvidence` is its case of two cells with k = 2 and a uniform prior.
 */
export function sharesEvidence(
  counts: readonly number[],
  expected: readonly number[],
  concentration: number,
): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const start = lnGamma(concentration) - lnGamma(concentration + total);
  return counts.reduce((sum, count, cell) => {
    const share = expected[cell] ?? 0;
    if (count === 0) return sum;
    if (share <= 0) return Number.POSITIVE_INFINITY;
    const prior = concentration * share;
    return sum + lnGamma(prior + count) - lnGamma(prior) - count * Math.log(share);
  }, start);
}

/** Answers of two versions on the same inputs, by class: on how many only the one, or only the other, said it. */
export interface ShiftCounts {
  /** The new version said it, the old one did not. */
  gained: readonly number[];
  /** The old version said it, the new one did not. */
  lost: readonly number[];
}

/**
 * Whether two versions that saw the same inputs answer with the same distribution over classes. `distance` is the total
 * variation between the two, of `samples` pairs. `evidence` is the logarithm of an e-value against equal distributions: for
 * each class the pairs in which one version alone said it fall either way like a fair coin, however the inputs come, so the
 * Dirichlet e-process against (1/2, 1/2) is exact there; the mean of e-values over classes is one again, whatever their
 * dependence.
 */
export function outputShift(
  { gained, lost }: ShiftCounts,
  samples: number,
): { distance: number; evidence: number } {
  let moved = 0;
  const logs: number[] = [];
  for (const [cell, more] of gained.entries()) {
    const less = lost[cell] ?? 0;
    moved += Math.abs(more - less);
    logs.push(sharesEvidence([more, less], [0.5, 0.5], 2));
  }
  return { distance: samples === 0 ? 0 : moved / 2 / samples, evidence: logOfMean(logs) };
}

function logOfMean(logs: readonly number[]): number {
  if (logs.length === 0) return 0;
  const top = Math.max(...logs);
  return top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0) / logs.length);
}
