import { create } from '@bufbuild/protobuf';
import { CoveyError, type Moments } from '@covey/protocol';
import { MomentsSchema } from '@covey/protocol/telemetry-schemas';

/**
 * Count, mean, sum of squared differences, extremes. Adding follows Welford (Technometrics 4, 1962), merging follows
 * Chan, Golub and LeVeque (Updating formulae, 1979). Values must be finite; m2 overflows to Infinity beyond 1e154.
 */
export class MomentsAccumulator {
  #count = 0;
  #mean = 0;
  #m2 = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  add(value: number): void {
    this.#count++;
    const delta = value - this.#mean;
    this.#mean += delta / this.#count;
    this.#m2 += delta * (value - this.#mean);
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** All of `values` in two passes without a division per element: the fast path. */
  addAll(values: ArrayLike<number>): void {
    const count = values.length;
    let sum = 0;
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const value = values[i] as number;
      sum += value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    const mean = sum / count;
    let m2 = 0;
    for (let i = 0; i < count; i++) {
      const delta = (values[i] as number) - mean;
      m2 += delta * delta;
    }
    if (count > 0) this.#mergeParts(count, mean, m2, min, max);
  }

  /** Adds what `moments` stands for. Errors: INVALID_DOCUMENT when its numbers cannot be moments. */
  merge(moments: Moments): void {
    checkMoments(moments);
    if (moments.count > 0) {
      this.#mergeParts(moments.count, moments.mean, moments.m2, moments.min, moments.max);
    }
  }

  toMessage(): Moments {
    if (this.#count === 0) return create(MomentsSchema);
    return create(MomentsSchema, {
      count: this.#count,
      mean: this.#mean,
      m2: this.#m2,
      min: this.#min,
      max: this.#max,
    });
  }

  #mergeParts(count: number, mean: number, m2: number, min: number, max: number): void {
    const total = this.#count + count;
    const delta = mean - this.#mean;
    // An empty side has no mean: weighting with 0 could turn an overflow into NaN.
    this.#m2 = this.#count === 0 ? m2 : this.#m2 + m2 + delta * delta * ((this.#count * count) / total);
    this.#mean = this.#count === 0 ? mean : this.#mean + delta * (count / total);
    this.#count = total;
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
  }
}

/** Standard deviation of the population (m2/n); NaN when empty. */
export function standardDeviation(moments: Moments): number {
  return Math.sqrt(moments.m2 / moments.count);
}

/** Throws INVALID_DOCUMENT for numbers that no set of values has as its moments. */
export function checkMoments({ count, mean, m2, min, max }: Moments): void {
  const possible = count === 0 || (Number.isFinite(mean) && m2 >= 0 && Number.isFinite(min) && min <= max);
  if (!possible || !Number.isFinite(max)) {
    throw new CoveyError('INVALID_DOCUMENT', 'moments: mean and extremes must be finite, m2 not negative');
  }
}
