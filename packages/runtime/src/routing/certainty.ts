import type { Cascade, Tensor } from '@covey/protocol';
import { elementsOf } from '../tensors/index.ts';

/**
 * How sure scores are: 1 + sum(p ln p) / ln K of the K classes' probabilities in the last axis, the least of all rows; 1 is
 * certain, 0 is a guess among all. One number alone is the probability of one of two classes. 0 where the scores are no
 * numbers, or not there: who cannot tell is not sure.
 */
export function certaintyOf(scores: Tensor | undefined, kind: Cascade['scores']): number {
  const values = scores && floatsOf(scores);
  const classes = scores?.shape.at(-1) ?? 1;
  if (!values || values.length === 0 || classes === 0) return 0;
  let least = 1;
  for (let start = 0; start < values.length; start += classes) {
    const row = Array.from({ length: classes }, (_, i) => values[start + i] ?? Number.NaN);
    least = Math.min(least, certaintyOfRow(kind === 'logits' ? weightsOf(row) : pairOf(row)));
  }
  return least;
}

/** `weights` are at least 0; they need not add up to 1, which those of quantized models do not. */
function certaintyOfRow(weights: readonly number[]): number {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (!(sum > 0 && sum < Number.POSITIVE_INFINITY) || weights.some((weight) => weight < 0)) return 0;
  const entropy = weights.reduce((total, weight) => {
    const p = weight / sum;
    return p > 0 ? total - p * Math.log(p) : total;
  }, 0);
  return Math.max(0, 1 - entropy / Math.log(weights.length));
}

function pairOf(row: readonly number[]): readonly number[] {
  const [p = 0] = row;
  return row.length === 1 ? [p, 1 - p] : row;
}

/** exp(x) without overflow; one number alone goes through a sigmoid. */
function weightsOf(row: readonly number[]): number[] {
  const logits = row.length === 1 ? [...row, 0] : row;
  const greatest = Math.max(...logits);
  return logits.map((logit) => Math.exp(logit - greatest));
}

function floatsOf({ datatype, data }: Tensor): ArrayLike<number> | undefined {
  if (datatype === 'FP16') return new Float16Array(new Uint8Array(data).buffer);
  if (datatype === 'FP32' || datatype === 'FP64')
    return elementsOf(datatype, new Uint8Array(data)) as ArrayLike<number>;
  return undefined;
}
