import type { Range } from '../quantize/index.ts';
import type { Histogram } from './histogram.ts';

/** Levels that the entropy method quantizes magnitudes to: those of one sign of int8 (NVIDIA's 8-bit inference, GTC 2017). */
const levels = 128;
/** Thresholds that the entropy method compares, evenly spaced; finer steps than this change ranges by under half a percent. */
const candidates = 256;
/** Probability of what quantization says never comes, though it does: any small number, or the divergence were infinite. */
const improbable = 1e-4;

/** `range` cut so that a share of (100 - percentile) of values is outside, half of it on each side. */
export function percentileRange(histogram: Histogram, range: Range, percentile: number): Range {
  const share = percentile / 100;
  return {
    min: Math.max(range.min, histogram.quantile((1 - share) / 2)),
    max: Math.min(range.max, histogram.quantile((1 + share) / 2)),
  };
}

/**
 * `range` cut at the magnitude where the distribution after quantization tells least of what it was: the threshold whose
 * Kullback-Leibler divergence from the clipped distribution is smallest.
 */
export function entropyRange(histogram: Histogram, range: Range): Range {
  const { counts, width } = histogram.magnitudes();
  const step = Math.max(1, Math.floor((counts.length - levels) / candidates));
  let best = { divergence: Number.POSITIVE_INFINITY, bins: counts.length };
  for (let bins = counts.length; bins >= levels; bins -= step) {
    const divergence = divergenceAt(counts, bins);
    if (divergence < best.divergence) best = { divergence, bins };
  }
  const threshold = best.bins * width;
  return { min: Math.max(range.min, -threshold), max: Math.min(range.max, threshold) };
}

/** Divergence of what quantizing the first `bins` bins leaves from all of it clipped to them. */
function divergenceAt(counts: Float64Array, bins: number): number {
  const kept = counts.subarray(0, bins);
  const within = sum(kept);
  const outside = sum(counts.subarray(bins));
  if (within === 0) return Number.POSITIVE_INFINITY;
  let divergence = 0;
  for (let level = 0; level < levels; level++) {
    const from = Math.floor((level * bins) / levels);
    const to = Math.floor(((level + 1) * bins) / levels);
    const mean = meanOfFilled(kept, from, to) / within;
    for (let bin = from; bin < to; bin++) {
      const count = kept[bin] ?? 0;
      const clipped = (count + (bin === bins - 1 ? outside : 0)) / (within + outside);
      if (clipped > 0) divergence += clipped * Math.log(clipped / (count > 0 ? mean : improbable));
    }
  }
  return divergence;
}

function meanOfFilled(counts: Float64Array, from: number, to: number): number {
  let total = 0;
  let filled = 0;
  for (let bin = from; bin < to; bin++) {
    const count = counts[bin] ?? 0;
    total += count;
    if (count > 0) filled++;
  }
  return filled === 0 ? 0 : total / filled;
}

function sum(counts: Float64Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
