import { CoveyError } from '@covey/protocol';
import type { Execution } from '../execution.ts';
import type { Model } from '../model/index.ts';
import { observedValues, type Range, type Ranges, regionOf } from '../quantize/index.ts';
import { Extremes } from './extremes.ts';
import { Histogram } from './histogram.ts';
import { floatsOf, type Sample, Watcher } from './observed.ts';
import { entropyRange, percentileRange } from './thresholds.ts';

/**
 * How ranges follow from what was seen: all of it; what loses least information; or all but the outermost share.
 * `bins` are those of a histogram on each side of zero.
 */
export type Calibration =
  | { method: 'minmax' }
  | { method: 'entropy'; bins: number }
  | { method: 'percentile'; percentile: number; bins: number };

export type CalibrationOptions = Calibration & {
  /** Called after each sample with how many there were. */
  onProgress?: (samples: number) => void;
};

/**
 * Runs a model on samples and answers the range of every activation that `quantizeStatic` may store in integers. One
 * pass, so samples may be a stream, and none is kept. Errors: INVALID_ARGUMENT (no samples; options outside of their
 * limits), MODEL_INVALID (a value is NaN or infinite; it and the sample are named), those of `execution`.
 */
export async function calibrate(
  model: Model,
  execution: Execution,
  samples: Iterable<Sample> | AsyncIterable<Sample>,
  options: CalibrationOptions,
): Promise<Ranges> {
  checkCalibration(options);
  const values = [...observedValues(regionOf(model, new Set()))];
  const given = new Set(model.graph.inputs.map(({ name }) => name));
  const inputs = values.filter((value) => given.has(value));
  const inside = values.filter((value) => !given.has(value));
  const observations = new Map(values.map((value) => [value, new Observation(options)]));
  let watch: Watch | undefined;
  let count = 0;
  try {
    for await (const sample of samples) {
      const see = (value: string, seen: Seen) =>
        observations.get(value)?.add(seen, `"${value}" in sample ${count}`);
      watch ??= await openWatch(model, execution, inside, sample, options);
      for (const value of inputs) see(value, floatsOf(value, sample[value]));
      await watch.run(sample, see);
      count += 1;
      options.onProgress?.(count);
    }
  } finally {
    await watch?.[Symbol.asyncDispose]();
  }
  if (count === 0) throw new CoveyError('INVALID_ARGUMENT', 'calibration needs at least one sample');
  return new Map([...observations].map(([value, observation]) => [value, observation.range(options)]));
}

/** What is seen of a value in one run: its elements, or their range; undefined where not all are finite. */
type Seen = Float32Array | Range | undefined;

interface Watch extends AsyncDisposable {
  run(sample: Sample, see: (value: string, seen: Seen) => void): Promise<void>;
}

/** Ranges alone are found where the values are; histograms take the values themselves. */
function openWatch(
  model: Model,
  execution: Execution,
  values: readonly string[],
  sample: Sample,
  { method }: Calibration,
): Promise<Watch> {
  return method === 'minmax'
    ? Extremes.open(model, execution, values)
    : Watcher.open(model, execution, values, sample);
}

/** What one value was seen to take. */
class Observation {
  readonly #histogram: Histogram | undefined;
  #range: Range | undefined;

  constructor(options: Calibration) {
    this.#histogram = options.method === 'minmax' ? undefined : new Histogram(options.bins);
  }

  /** Errors: MODEL_INVALID, saying where, for a number that is not finite. */
  add(seen: Seen, where: string): void {
    const range = seen instanceof Float32Array ? rangeOf(seen) : seen;
    if (range === undefined)
      throw new CoveyError('MODEL_INVALID', `${where} is NaN or infinite somewhere: it cannot be calibrated`);
    if (range.min > range.max) return;
    if (seen instanceof Float32Array) this.#histogram?.add(seen, range);
    const known = this.#range ?? range;
    this.#range = { min: Math.min(known.min, range.min), max: Math.max(known.max, range.max) };
  }

  range(options: Calibration): Range {
    const range = this.#range ?? { min: 0, max: 0 };
    if (!this.#histogram || options.method === 'minmax') return range;
    if (options.method === 'entropy') return entropyRange(this.#histogram, range);
    return percentileRange(this.#histogram, range, options.percentile);
  }
}

/** Undefined where an element is not finite; of nothing, a range with `min` above `max`. */
function rangeOf(elements: Float32Array): Range | undefined {
  if (elements.length === 0) return { min: 1, max: 0 };
  let min = elements[0] ?? 0;
  let max = min;
  let finite = true;
  for (let i = 0; i < elements.length; i++) {
    const value = elements[i] ?? 0;
    if (value < min) min = value;
    else if (value > max) max = value;
    else if (Number.isNaN(value)) finite = false;
  }
  return finite && Number.isFinite(min) && Number.isFinite(max) ? { min, max } : undefined;
}

const binLimits = { least: 128, most: 65_536 };

function checkCalibration(options: Calibration): void {
  if (options.method === 'minmax') return;
  const { bins } = options;
  if (!Number.isInteger(bins) || bins < binLimits.least || bins > binLimits.most)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `a histogram of ${bins} bins: from ${binLimits.least} to ${binLimits.most} are possible`,
    );
  if (options.method === 'percentile' && !(options.percentile > 50 && options.percentile <= 100))
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `percentile ${options.percentile} is not above 50 and up to 100`,
    );
}
