import { CoveyError, type ExponentialHistogram } from '@covey/protocol';
import { orderedBuckets } from './ordered.ts';

/** `value` estimates the quantile; the true one lies in [lower, upper], up to a few ulp of rounding. */
export interface Quantile {
  value: number;
  lower: number;
  upper: number;
}

/**
 * Estimate of the q-quantile (nearest rank: the ceil(q n)-th smallest value, at least the first); undefined when the
 * histogram is empty. `value` is the point of the bucket with the least largest relative error, 2lu/(l+u), which is
 * (base - 1)/(base + 1) with base = 2^(2^-scale): 0.22 % at scale 7, 4.3 % at scale 3. Errors: INVALID_ARGUMENT when q is
 * not in [0, 1].
 */
export function quantile(histogram: ExponentialHistogram, q: number): Quantile | undefined {
  if (!(q >= 0 && q <= 1)) throw new CoveyError('INVALID_ARGUMENT', `quantile ${q} is not between 0 and 1`);
  const buckets = orderedBuckets(histogram);
  const total = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  const rank = Math.max(1, Math.ceil(q * total));
  let cumulative = 0;
  for (const bucket of buckets) {
    cumulative += bucket.count;
    if (cumulative >= rank) return quantileIn(bucket.sign, bucket.index, histogram.scale);
  }
  return undefined;
}

function quantileIn(sign: -1 | 0 | 1, index: number, scale: number): Quantile {
  if (sign === 0) return { value: 0, lower: 0, upper: 0 };
  const near = boundary(index, scale);
  const far = boundary(index + 1, scale);
  // As 2n/(1 + n/f), and clamped, so that neither the largest nor subnormal numbers leave the bucket.
  const value = sign * Math.min(far, Math.max(near, (2 * near) / (1 + near / far)));
  return sign > 0 ? { value, lower: near, upper: far } : { value, lower: -far, upper: -near };
}

/** base^index: the exclusive lower boundary of bucket `index`, at most the largest double. */
function boundary(index: number, scale: number): number {
  return Math.min(Number.MAX_VALUE, 2 ** (index * 2 ** -scale));
}
