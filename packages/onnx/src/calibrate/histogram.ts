import type { Range } from '../quantize/index.ts';

/**
 * How often values of each size came, over -limit to limit. It widens as values come: the limit doubles and pairs of bins
 * merge, so that one pass over samples is enough, whatever they hold, in memory that does not grow. Zeros are counted
 * apart, because every scale represents them exactly.
 */
export class Histogram {
  /** Bins on each side of zero. */
  readonly bins: number;
  #counts: Float64Array;
  #limit = 0;
  #zeros = 0;

  constructor(bins: number) {
    this.bins = bins;
    this.#counts = new Float64Array(2 * bins);
  }

  /** Counts finite values that lie within `range`. */
  add(values: Float32Array, range: Range): void {
    this.#widen(Math.max(-range.min, range.max));
    const counts = this.#counts;
    const last = counts.length - 1;
    const perUnit = this.#limit === 0 ? 0 : this.bins / this.#limit;
    let zeros = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] ?? 0;
      if (value === 0) {
        zeros++;
        continue;
      }
      const bin = Math.floor(value * perUnit) + this.bins;
      const index = Math.min(Math.max(bin, 0), last);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    this.#zeros += zeros;
  }

  /** The value below which a share (0..1) of all values lies, to the width of a bin. */
  quantile(share: number): number {
    const wanted = share * (this.#zeros + this.#counts.reduce((sum, count) => sum + count, 0));
    let before = 0;
    for (let bin = 0; bin < this.#counts.length; bin++) {
      if (bin === this.bins) {
        before += this.#zeros;
        if (before >= wanted) return 0;
      }
      const count = this.#counts[bin] ?? 0;
      if (count > 0 && before + count >= wanted) {
        const within = Math.max(0, (wanted - before) / count);
        return ((bin + within) / this.bins - 1) * this.#limit;
      }
      before += count;
    }
    return this.#limit;
  }

  /** Counts by distance from zero, without zeros, and how wide a bin is. */
  magnitudes(): { counts: Float64Array; width: number } {
    const counts = new Float64Array(this.bins);
    for (let i = 0; i < this.bins; i++)
      counts[i] = (this.#counts[this.bins + i] ?? 0) + (this.#counts[this.bins - 1 - i] ?? 0);
    return { counts, width: this.#limit / this.bins };
  }

  #widen(magnitude: number): void {
    if (this.#limit === 0) this.#limit = magnitude;
    while (this.#limit < magnitude) {
      const merged = new Float64Array(2 * this.bins);
      for (let i = 0; i < 2 * this.bins; i++) {
        const target = Math.floor((i + this.bins) / 2);
        merged[target] = (merged[target] ?? 0) + (this.#counts[i] ?? 0);
      }
      this.#counts = merged;
      this.#limit *= 2;
    }
  }
}
