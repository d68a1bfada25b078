/** Buckets a side, at most. */
export const maxBuckets = 160;

/** One side of a histogram: counts of up to 160 consecutive buckets, in a window that moves to where the values are. */
export class BucketWindow {
  readonly #counts = new Float64Array(maxBuckets);
  /** Bucket index of #counts[0]. */
  #start = 0;

  /** Counts into bucket `index`. False, and nothing done, when the side would span more than 160 buckets. */
  add(index: number, count: number): boolean {
    const position = index - this.#start;
    if (position >= 0 && position < maxBuckets) {
      this.#counts[position] = (this.#counts[position] as number) + count;
      return true;
    }
    return this.#moveTo(index) && this.add(index, count);
  }

  /** Index of the first counted bucket and the counts from it to the last one. */
  trimmed(): { offset: number; counts: number[] } {
    const first = this.#counts.findIndex((count) => count > 0);
    if (first < 0) return { offset: 0, counts: [] };
    const last = this.#counts.findLastIndex((count) => count > 0);
    return { offset: this.#start + first, counts: [...this.#counts.subarray(first, last + 1)] };
  }

  /** Bucket i becomes bucket floor(i / 2^shift). */
  downscale(shift: number): void {
    const { offset, counts } = this.trimmed();
    if (counts.length === 0) return;
    this.#start = offset >> shift;
    this.#counts.fill(0);
    for (let i = 0; i < counts.length; i++) this.add((offset + i) >> shift, counts[i] as number);
  }

  /** Moves the window so that it holds `index` and all that is counted, `index` and the counted in its middle. */
  #moveTo(index: number): boolean {
    const { offset, counts } = this.trimmed();
    const lowest = counts.length === 0 ? index : Math.min(offset, index);
    const highest = counts.length === 0 ? index : Math.max(offset + counts.length - 1, index);
    const spare = maxBuckets - (highest - lowest + 1);
    if (spare < 0) return false;
    this.#start = lowest - Math.floor(spare / 2);
    this.#counts.fill(0);
    this.#counts.set(counts, counts.length === 0 ? 0 : offset - this.#start);
    return true;
  }
}
