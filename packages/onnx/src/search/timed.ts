import { CoveyError, type Interval } from '@covey/protocol';
import { sameBytes } from '../compare/index.ts';
import type { Quantizer } from './scheme.ts';
import type { Steps } from './steps.ts';
import type { Trial, Trials } from './trials.ts';

/**
 * Measures models side by side: the latency of each as a ratio to that of the first, the median of pairs with its 95 %
 * confidence interval.
 */
export type Measure = (models: readonly Uint8Array[]) => Promise<readonly Interval[]>;

/** A variant within the budget, with its latency as a ratio to that of the fp32 model. */
export interface Timed {
  trial: Trial;
  latencyRatio: Interval;
}

export interface TimingOptions {
  trials: Trials;
  steps: Steps;
  quantizer: Quantizer;
  /** The fp32 model that ratios are to. */
  floatBytes: Uint8Array;
  measure: Measure;
}

/** Variants measured side by side: the more, the fewer rounds for each. */
const variantsMax = 5;
/** Bytes that they may take together. */
const measuredBytesMax = 2 ** 30;

/**
 * The smallest and the fastest of variants within the budget, given by size. A variant that is slower than fp32 beyond doubt
 * is not the smallest while another is not. Of those that may be as fast as the fastest the smallest is taken.
 */
export async function chooseTimed(
  options: TimingOptions,
  within: readonly Trial[],
): Promise<{ smallest: Timed; fastest: Timed } | undefined> {
  const timed = await measureAll(options, within);
  const smallest = timed.find(({ latencyRatio }) => latencyRatio.lower <= 1) ?? timed[0];
  const [best] = timed.toSorted((a, b) => a.latencyRatio.median - b.latencyRatio.median);
  if (smallest === undefined || best === undefined) return undefined;
  const fastest = timed.find(({ latencyRatio }) => latencyRatio.median <= best.latencyRatio.upper) ?? best;
  return { smallest, fastest };
}

/**
 * Measures variants and fp32 all side by side; equal bytes are measured once. Errors: INVALID_ARGUMENT where `measure`
 * does not answer a ratio for each.
 */
async function measureAll(
  { trials, steps, quantizer, floatBytes, measure }: TimingOptions,
  within: readonly Trial[],
): Promise<Timed[]> {
  const models = [floatBytes];
  const measured: Trial[] = [];
  let sizeBytes = floatBytes.byteLength;
  for (const trial of within) {
    const bytes = trials.bytes(quantizer, trial.kept);
    sizeBytes += bytes.byteLength;
    const isTooMuch = measured.length === variantsMax || sizeBytes > measuredBytesMax;
    if (measured.length > 0 && isTooMuch) break;
    if (models.some((other) => sameBytes(other, bytes))) continue;
    models.push(bytes);
    measured.push(trial);
  }
  const step = `${measured.length} variants; ${quantizer.name}; ${JSON.stringify(measured.map(({ kept }) => kept))}`;
  const ratios = await steps.once('measure', step, async () => {
    const found = await measure(models);
    const isValid = ({ median, lower, upper }: Interval) => 0 < lower && lower <= median && median <= upper;
    if (found.length !== models.length || !found.every(isValid))
      throw new CoveyError(
        'INVALID_ARGUMENT',
        `measuring ${models.length} models answered ${JSON.stringify(found)}`,
      );
    return found.slice(1);
  });
  return measured.flatMap((trial, i) => {
    const latencyRatio = ratios[i];
    return latencyRatio ? [{ trial, latencyRatio }] : [];
  });
}
