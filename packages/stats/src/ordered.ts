import type { ExponentialHistogram } from '@covey/protocol';
import { checkHistogram } from './histogram.ts';

/** A non-empty bucket. `order` grows by 1 from a bucket to its neighbour with larger values, but around zero. */
export interface OrderedBucket {
  order: number;
  sign: -1 | 0 | 1;
  /** Bucket index on its side; 0 for the zero bucket. */
  index: number;
  count: number;
}

/** Above every bucket index, so that the orders of the sides lie on their sides of zero. */
const sideOffset = 2 ** 32;

/**
 * Non-empty buckets from the lowest values to the highest, at the histogram's scale or, by merging neighbours exactly, at
 * a lower `scale`. Errors: INVALID_DOCUMENT.
 */
export function orderedBuckets(histogram: ExponentialHistogram, scale = histogram.scale): OrderedBucket[] {
  checkHistogram(histogram);
  const buckets: OrderedBucket[] = [];
  const push = (sign: -1 | 0 | 1, index: number, count: number): void => {
    const last = buckets.at(-1);
    if (count === 0) return;
    if (last?.sign === sign && last.index === index) last.count += count;
    else buckets.push({ order: sign * (sideOffset + index), sign, index, count });
  };
  const shift = histogram.scale - scale;
  const { positive, negative } = histogram;
  for (let i = (negative?.counts.length ?? 0) - 1; negative && i >= 0; i--) {
    push(-1, (negative.offset + i) >> shift, negative.counts[i] as number);
  }
  push(0, 0, histogram.zeroCount);
  positive?.counts.forEach((count, i) => {
    push(1, (positive.offset + i) >> shift, count);
  });
  return buckets;
}
