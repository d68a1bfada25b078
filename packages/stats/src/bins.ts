import type { ExponentialHistogram } from '@covey/protocol';
import { type OrderedBucket, orderedBuckets } from './ordered.ts';

const deciles = 10;

/**
 * Counts of both histograms over the deciles of the reference. The bins are whole buckets of the coarser histogram, so
 * nothing is interpolated. A bucket with a decile or more of the mass (often the zeros) is a bin of its own, so that
 * values leaving it downwards show as well as upwards. The outer bins reach to infinity.
 */
export function decileCounts(
  reference: ExponentialHistogram,
  current: ExponentialHistogram,
): { reference: number[]; current: number[] } {
  const scale = Math.min(reference.scale, current.scale);
  const referenceBuckets = orderedBuckets(reference, scale);
  const edges = decileEdges(referenceBuckets);
  return {
    reference: countBelowEdges(referenceBuckets, edges),
    current: countBelowEdges(orderedBuckets(current, scale), edges),
  };
}

/** Inclusive upper edges of the bins, as bucket orders, ascending; the last is Infinity. */
function decileEdges(buckets: readonly OrderedBucket[]): number[] {
  const decile = buckets.reduce((sum, bucket) => sum + bucket.count, 0) / deciles;
  const edges = new Set<number>();
  let cumulative = 0;
  buckets.forEach(({ order, count }, i) => {
    const full = Math.floor((cumulative + count) / decile) > Math.floor(cumulative / decile);
    cumulative += count;
    if (count >= decile) edges.add(order - 1).add(order);
    else if (full && i < buckets.length - 1) edges.add(order);
  });
  return [...edges, Number.POSITIVE_INFINITY].sort((a, b) => a - b);
}

function countBelowEdges(buckets: readonly OrderedBucket[], edges: readonly number[]): number[] {
  const counts = new Array<number>(edges.length).fill(0);
  let bin = 0;
  for (const { order, count } of buckets) {
    while (order > (edges[bin] as number)) bin++;
    counts[bin] = (counts[bin] as number) + count;
  }
  return counts;
}
