import type { Classification, Tensor } from '@covey/protocol';
import { decisions } from '@covey/stats';
import { areSameBytes, elementsOf, type Tensors } from '../tensors/index.ts';

/** Largest relative error (Euclidean norms) at which two float outputs count as the same decision. */
const maxRelativeError = 0.05;
/** Root mean square error that is always allowed: outputs near zero have no meaningful relative error. */
const maxAbsoluteError = 1e-3;

/** The outputs of one version on an input, and what they mean if the publisher said so. */
export interface Outcome {
  outputs: Tensors;
  classification: Classification | undefined;
}

/**
 * Whether two versions decided the same; undefined when nothing can be compared. With class names on both sides: the same
 * class name in every row of the batch. Otherwise every output both have must be close: integers, booleans and texts equal,
 * floats with |a - b| <= 5 % of |b| + 0.001 sqrt(n) in Euclidean norms over the tensor. A norm, and not element by element,
 * because quantization disturbs thousands of small box coordinates that nobody acts on; one large change still shows.
 */
export function agree(candidate: Outcome, incumbent: Outcome): boolean | undefined {
  const [a, b] = [classNames(candidate), classNames(incumbent)];
  if (a !== undefined && b !== undefined) {
    return a.length === b.length && a.every((name, row) => name === b[row]);
  }
  const shared = Object.entries(candidate.outputs).flatMap(([name, tensor]) => {
    const other = incumbent.outputs[name];
    return other ? [close(tensor, other)] : [];
  });
  return shared.length === 0 ? undefined : shared.every(Boolean);
}

/**
 * How far the floats of one version are from those of the other: the Euclidean norm of the difference over that of
 * `reference`, all outputs of one name and shape together. Undefined where there are none; 1 for anything beside nothing but
 * zeros, infinite for numbers beside what is none.
 */
export function distanceOf(other: Outcome, reference: Outcome): number | undefined {
  let [squaredError, squaredNorm, count] = [0, 0, 0];
  for (const [name, tensor] of Object.entries(reference.outputs)) {
    const beside = other.outputs[name];
    if (!beside || !isFloat(tensor) || beside.datatype !== tensor.datatype) continue;
    if (beside.shape.join() !== tensor.shape.join()) continue;
    const sums = errorOf(beside, tensor);
    squaredError += sums.squaredError;
    squaredNorm += sums.squaredNorm;
    count++;
  }
  if (count === 0) return undefined;
  if (!Number.isFinite(squaredError)) return Number.POSITIVE_INFINITY;
  return squaredNorm === 0 ? Number(squaredError > 0) : Math.sqrt(squaredError / squaredNorm);
}

/** The class of each row; undefined where the publisher named none. */
export function classNames({ outputs, classification }: Outcome): (string | undefined)[] | undefined {
  const scores = classification && outputs[classification.output];
  if (!scores) return undefined;
  const { classNames: names } = classification;
  return decisions(scores, names.length)?.map((index) => names[index]);
}

function close(a: Tensor, b: Tensor): boolean {
  if (a.datatype !== b.datatype || a.shape.join() !== b.shape.join()) return false;
  if (!isFloat(a)) return areSameBytes(a.data, b.data);
  const { squaredError, squaredNorm, count } = errorOf(a, b);
  // NaN or infinity on one side only: not close.
  const allowed = maxRelativeError * Math.sqrt(squaredNorm) + maxAbsoluteError * Math.sqrt(count);
  return Number.isFinite(squaredError) && Math.sqrt(squaredError) <= allowed;
}

/** Sums over the elements of `b`, those aside that are no numbers in both. */
function errorOf(a: Tensor, b: Tensor): { squaredError: number; squaredNorm: number; count: number } {
  const [left, right] = [floats(a), floats(b)];
  let squaredError = 0;
  let squaredNorm = 0;
  for (let i = 0; i < right.length; i++) {
    const expected = right[i] ?? 0;
    // Equal infinities differ by NaN; NaN on both sides is the same answer too.
    if (!Number.isFinite(expected) && Object.is(left[i], expected)) continue;
    const error = (left[i] ?? 0) - expected;
    squaredError += error * error;
    squaredNorm += expected * expected;
  }
  return { squaredError, squaredNorm, count: right.length };
}

export function isFloat({ datatype }: Tensor): boolean {
  return datatype === 'FP32' || datatype === 'FP64' || datatype === 'FP16';
}

export function floats({ datatype, data }: Tensor): ArrayLike<number> {
  if (datatype === 'FP16') return new Float16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  const elements = elementsOf(datatype === 'FP64' ? 'FP64' : 'FP32', data);
  return elements as Float32Array | Float64Array;
}
