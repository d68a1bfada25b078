import type { Tensor } from '@covey/protocol';
import { type Decided, readElements, topOf } from './elements.ts';

/**
 * How far an output of one model (a) is from that of a reference (b), over all samples. Every number is finite, so that
 * it survives JSON: where b is all zeros and a is not, where only one of the two is a number, or where the shapes
 * differ, `relativeError` is Number.MAX_VALUE.
 */
export interface OutputError {
  /** ||a-b||2 / ||b||2. */
  relativeError: number;
  /** a·b / (||a||2 ||b||2); 1 where both are zero. */
  cosine: number;
  maxAbsolute: number;
  /**
   * Share of decisions that are equal: per row of the last axis the position of its greatest number; of integers, truth
   * values and strings each element. Null where nothing is decided: numbers in rows of one, and over runs an output that
   * holds no scores of classes (compareRuns).
   */
  topAgreement: number | null;
}

/** Errors by the output's name. */
export type OutputErrors = Record<string, OutputError>;

/** What OutputError is made of: sums that add up over samples. */
export interface ErrorSums {
  differenceSquared: number;
  candidateSquared: number;
  referenceSquared: number;
  product: number;
  maxAbsolute: number;
  decisions: number;
  agreeing: number;
  /** Decisions of the reference that are no guess: elements by themselves, and rows of probabilities or their logarithms. */
  plainDecisions: number;
}

export const noError: ErrorSums = {
  differenceSquared: 0,
  candidateSquared: 0,
  referenceSquared: 0,
  product: 0,
  maxAbsolute: 0,
  decisions: 0,
  agreeing: 0,
  plainDecisions: 0,
};

export function addSums(a: ErrorSums, b: ErrorSums): ErrorSums {
  return {
    differenceSquared: a.differenceSquared + b.differenceSquared,
    candidateSquared: a.candidateSquared + b.candidateSquared,
    referenceSquared: a.referenceSquared + b.referenceSquared,
    product: a.product + b.product,
    maxAbsolute: Math.max(a.maxAbsolute, b.maxAbsolute),
    decisions: a.decisions + b.decisions,
    agreeing: a.agreeing + b.agreeing,
    plainDecisions: a.plainDecisions + b.plainDecisions,
  };
}

/**
 * The sums of one output of one sample; strings count 1 where they are equal and 0 where not. Errors: MODEL_INVALID
 * where a tensor's bytes do not fill its shape.
 */
export function errorSums(name: string, candidate: Tensor, reference: Tensor): ErrorSums {
  const [a, b] = readElements(name, candidate, reference);
  const rowLength = rowLengthOf(b.decided, reference.shape);
  const plainDecisions = plainDecisionsIn(b.numbers, rowLength);
  if (!sameShape(candidate.shape, reference.shape))
    return {
      ...numberSums(b.numbers, b.numbers),
      ...infinite,
      decisions: rowLength === 0 ? 0 : b.numbers.length / rowLength,
      agreeing: 0,
      plainDecisions,
    };
  return {
    ...numberSums(a.numbers, b.numbers),
    ...decisionSums(a.numbers, b.numbers, rowLength),
    plainDecisions,
  };
}

export function outputError(sums: ErrorSums): OutputError {
  const { differenceSquared, candidateSquared, referenceSquared, product, decisions, agreeing } = sums;
  const relative = differenceSquared === 0 ? 0 : Math.sqrt(differenceSquared / referenceSquared);
  const norms = Math.sqrt(candidateSquared) * Math.sqrt(referenceSquared);
  const bothZero = candidateSquared === 0 && referenceSquared === 0;
  return {
    relativeError: finite(relative),
    cosine: norms > 0 ? Math.max(-1, Math.min(1, product / norms)) : Number(bothZero),
    maxAbsolute: finite(sums.maxAbsolute),
    topAgreement: decisions === 0 ? null : agreeing / decisions,
  };
}

/**
 * Sums of squares over elements. Equal infinities, and two that are both no number, are no difference and take no part;
 * one alone is an infinite difference.
 */
export function numberSums(a: ArrayLike<number>, b: ArrayLike<number>): ErrorSums {
  let differenceSquared = 0;
  let candidateSquared = 0;
  let referenceSquared = 0;
  let product = 0;
  let maxAbsolute = 0;
  let broken = false;
  for (let index = 0; index < b.length; index++) {
    const x = a[index] ?? Number.NaN;
    const y = b[index] ?? Number.NaN;
    const difference = Math.abs(x - y);
    if (!(difference < Number.POSITIVE_INFINITY)) {
      broken ||= !Object.is(x, y);
      continue;
    }
    differenceSquared += difference * difference;
    candidateSquared += x * x;
    referenceSquared += y * y;
    product += x * y;
    if (difference > maxAbsolute) maxAbsolute = difference;
  }
  const sums = { ...noError, differenceSquared, candidateSquared, referenceSquared, product, maxAbsolute };
  return broken ? { ...sums, ...infinite } : sums;
}

/** All of the candidate is wrong: its cosine is 0. */
const infinite = {
  differenceSquared: Number.POSITIVE_INFINITY,
  candidateSquared: Number.POSITIVE_INFINITY,
  maxAbsolute: Number.POSITIVE_INFINITY,
};

function decisionSums(a: ArrayLike<number>, b: ArrayLike<number>, rowLength: number) {
  if (rowLength === 0) return { decisions: 0, agreeing: 0 };
  let agreeing = 0;
  for (let start = 0; start < b.length; start += rowLength)
    if (rowLength === 1 ? a[start] === b[start] : topOf(a, start, rowLength) === topOf(b, start, rowLength))
      agreeing++;
  return { decisions: b.length / rowLength, agreeing };
}

/** Rounding may take so much from the sum of a row of probabilities. */
const sumTolerance = 0.01;

function plainDecisionsIn(numbers: ArrayLike<number>, rowLength: number): number {
  if (rowLength <= 1) return rowLength * numbers.length;
  let plain = 0;
  for (let start = 0; start < numbers.length; start += rowLength) {
    let [least, greatest, sum, sumOfPowers] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
    for (let index = start; index < start + rowLength; index++) {
      const value = numbers[index] ?? Number.NaN;
      least = Math.min(least, value);
      greatest = Math.max(greatest, value);
      sum += value;
      sumOfPowers += Math.exp(value);
    }
    const areProbabilities = least >= 0 && Math.abs(sum - 1) < sumTolerance;
    const areLogarithms = greatest <= 0 && Math.abs(sumOfPowers - 1) < sumTolerance;
    if (areProbabilities || areLogarithms) plain++;
  }
  return plain;
}

/** Elements that make one decision together; 0 where nothing is decided. */
function rowLengthOf(decided: Decided, shape: readonly number[]): number {
  if (decided === 'element') return 1;
  const length = shape.at(-1) ?? 1;
  return length > 1 ? length : 0;
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

function finite(value: number): number {
  return Number.isNaN(value) ? Number.MAX_VALUE : Math.min(value, Number.MAX_VALUE);
}
