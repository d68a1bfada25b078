import { create } from '@bufbuild/protobuf';
import type { Moments, Tensor, TensorSummary } from '@covey/protocol';
import { TensorSummarySchema } from '@covey/protocol/telemetry-schemas';
import { numericElements } from './elements.ts';
import { ExponentialHistogramAccumulator } from './histogram.ts';
import { MomentsAccumulator } from './moments.ts';

/** Elements looked at per tensor and inference call: bounds the cost on the hot path, see README for the time it takes. */
export const sampledElements = 4096;

/** Summary of one input or output over a window. */
export class TensorAccumulator {
  readonly #name: string;
  readonly #output: boolean;
  readonly #range: Moments | undefined;
  readonly #moments = new MomentsAccumulator();
  readonly #histogram = new ExponentialHistogramAccumulator();
  #missing = 0;
  #outOfRange = 0;

  /** `reference` gives the range beyond which elements are counted as out of range; absent or empty: none is. */
  constructor(name: string, output: boolean, reference?: Moments) {
    this.#name = name;
    this.#output = output;
    this.#range = reference !== undefined && reference.count > 0 ? reference : undefined;
  }

  /**
   * Adds a tensor: all elements up to 4096, else every stride-th with stride = ceil(elements/4096), the first being
   * `phase` mod stride. A caller that counts the phase up sees every element in turn, so a stride that
   * happens to fit the rows or channels of an image favours none of them. BYTES tensors are left out.
   * `scratch` has room for 4096 numbers.
   */
  add(tensor: Tensor, phase: number, scratch: Float64Array): void {
    const elements = numericElements(tensor);
    if (elements === undefined) return;
    const stride = Math.max(1, Math.ceil(elements.count / sampledElements));
    const low = this.#range?.min ?? Number.NEGATIVE_INFINITY;
    const high = this.#range?.max ?? Number.POSITIVE_INFINITY;
    let kept = 0;
    for (let i = phase % stride; i < elements.count; i += stride) {
      const value = elements.at(i);
      if (!Number.isFinite(value)) {
        this.#missing++;
        continue;
      }
      if (value < low || value > high) this.#outOfRange++;
      scratch[kept++] = value;
    }
    const finite = scratch.subarray(0, kept);
    this.#moments.addAll(finite);
    this.#histogram.addAll(finite);
  }

  toMessage(): TensorSummary {
    return create(TensorSummarySchema, {
      name: this.#name,
      output: this.#output,
      moments: this.#moments.toMessage(),
      histogram: this.#histogram.toMessage(),
      missing: this.#missing,
      outOfRange: this.#outOfRange,
    });
  }
}
