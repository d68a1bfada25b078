import { create } from '@bufbuild/protobuf';
import { type Buckets, CoveyError, type ExponentialHistogram } from '@covey/protocol';
import { BucketsSchema, ExponentialHistogramSchema } from '@covey/protocol/telemetry-schemas';
import { BucketWindow, maxBuckets } from './buckets.ts';

/** OpenTelemetry metrics SDK, "Base2 Exponential Bucket Histogram Aggregation": MaxSize 160, MaxScale 20. */
const maxScale = 20;
/** The lowest scale of the data model; the whole range of a double needs no less than -4 with 160 buckets. */
const minScale = -10;

/**
 * OpenTelemetry's base-2 exponential histogram (metrics data model, "ExponentialHistogram"): bucket i of a side counts
 * magnitudes in (base^i, base^(i+1)], base = 2^(2^-scale); zeros (of either sign) are counted apart. Scale starts at 20
 * and falls by as little as keeps both sides within 160 buckets, so the result depends on the values and not on their
 * order, and merging is exact. Values must be finite. Counts are exact up to 2^53 in memory; the wire holds uint32.
 */
export class ExponentialHistogramAccumulator {
  #scale = maxScale;
  /** 2^scale, kept because a power costs more than the rest of adding a value. */
  #bucketsPerOctave = 2 ** maxScale;
  #zeroCount = 0;
  readonly #positive = new BucketWindow();
  readonly #negative = new BucketWindow();

  add(value: number): void {
    if (value > 0) this.#count(this.#positive, indexWith(value, this.#bucketsPerOctave), 1);
    else if (value < 0) this.#count(this.#negative, indexWith(-value, this.#bucketsPerOctave), 1);
    else this.#zeroCount++;
  }

  addAll(values: ArrayLike<number>): void {
    for (let i = 0; i < values.length; i++) this.add(values[i] as number);
  }

  /** Adds what `histogram` stands for, exactly. Errors: INVALID_DOCUMENT when it is outside of what a double can hold. */
  merge(histogram: ExponentialHistogram): void {
    checkHistogram(histogram);
    this.#downscale(Math.max(0, this.#scale - histogram.scale));
    this.#zeroCount += histogram.zeroCount;
    this.#mergeSide(this.#positive, histogram.positive, histogram.scale);
    this.#mergeSide(this.#negative, histogram.negative, histogram.scale);
  }

  toMessage(): ExponentialHistogram {
    return create(ExponentialHistogramSchema, {
      scale: this.#scale,
      zeroCount: this.#zeroCount,
      positive: create(BucketsSchema, this.#positive.trimmed()),
      negative: create(BucketsSchema, this.#negative.trimmed()),
    });
  }

  #mergeSide(side: BucketWindow, buckets: Buckets | undefined, scale: number): void {
    buckets?.counts.forEach((count, i) => {
      if (count > 0) this.#count(side, (buckets.offset + i) >> (scale - this.#scale), count);
    });
  }

  #count(side: BucketWindow, index: number, count: number): void {
    let shift = 0;
    while (!side.add(index >> shift, count)) {
      this.#downscale(1);
      shift++;
    }
  }

  /** Halves the resolution `shift` times: bucket i becomes bucket floor(i / 2^shift), which is exact. */
  #downscale(shift: number): void {
    if (shift === 0) return;
    this.#scale -= shift;
    this.#bucketsPerOctave = 2 ** this.#scale;
    this.#positive.downscale(shift);
    this.#negative.downscale(shift);
  }
}

/**
 * Index of the bucket (base^i, base^(i+1)] that holds `value` > 0: the data model's logarithm method. Exact for powers of
 * two, subnormal ones too; elsewhere a value within a few ulp of a boundary may fall on its other side. One logarithm and
 * exact scaling by a power of two make the indices at all scales agree: index(scale - 1) = index(scale) >> 1.
 */
export function bucketIndex(value: number, scale: number): number {
  return indexWith(value, 2 ** scale);
}

function indexWith(value: number, bucketsPerOctave: number): number {
  // Indices of all doubles at scale 20 are within int32, in which the engine counts faster.
  return (Math.ceil(Math.log2(value) * bucketsPerOctave) | 0) - 1;
}

/** Both histograms as one; equal to the histogram of all their values. */
export function mergeHistograms(a: ExponentialHistogram, b: ExponentialHistogram): ExponentialHistogram {
  const merged = new ExponentialHistogramAccumulator();
  merged.merge(a);
  merged.merge(b);
  return merged.toMessage();
}

/** Throws INVALID_DOCUMENT unless scale, sizes and offsets are such as finite doubles give. */
export function checkHistogram(histogram: ExponentialHistogram): void {
  const { scale } = histogram;
  if (!Number.isInteger(scale) || scale < minScale || scale > maxScale) {
    throw new CoveyError('INVALID_DOCUMENT', `histogram: scale must be ${minScale} to ${maxScale}`);
  }
  const lowest = bucketIndex(Number.MIN_VALUE, scale);
  const highest = bucketIndex(Number.MAX_VALUE, scale);
  for (const side of [histogram.positive, histogram.negative]) {
    if (side === undefined || side.counts.length === 0) continue;
    if (side.counts.length > maxBuckets) {
      throw new CoveyError('INVALID_DOCUMENT', `histogram: at most ${maxBuckets} buckets a side`);
    }
    if (side.offset < lowest || side.offset + side.counts.length - 1 > highest) {
      throw new CoveyError('INVALID_DOCUMENT', 'histogram: buckets lie outside the range of numbers');
    }
  }
}
