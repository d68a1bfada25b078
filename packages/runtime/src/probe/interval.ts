/** Mean of a sample without its extremes, and how sure that is. */
export interface Estimate {
  mean: number;
  /** Bounds that the true value exceeds, or falls short of, with probability `tail` each. */
  low: number;
  high: number;
}

/** Share that is cut from either end: bursts of other work reach that many turns without moving the mean. */
const trimmed = 0.2;

/**
 * Interval of the trimmed mean by Student's t with the winsorized variance: Tukey and McLaughlin, Sankhya A 25 (1963), 331.
 * `tail` is the probability on one side. Two values are needed for bounds; of fewer they are infinite.
 */
export function trimmedInterval(values: readonly number[], tail: number): Estimate {
  const sorted = [...values].sort((a, b) => a - b);
  const cut = Math.floor(trimmed * sorted.length);
  const kept = sorted.slice(cut, sorted.length - cut);
  const mean = meanOf(kept);
  if (kept.length < 2) return { mean, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const [least = 0, most = 0] = [kept[0], kept.at(-1)];
  const winsorized = sorted.map((value) => Math.min(most, Math.max(least, value)));
  const center = meanOf(winsorized);
  const sumOfSquares = winsorized.reduce((sum, value) => sum + (value - center) ** 2, 0);
  const error = Math.sqrt(sumOfSquares / (kept.length * (kept.length - 1)));
  const reach = studentT(tail, kept.length - 1) * error;
  return { mean, low: mean - reach, high: mean + reach };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The t that Student's distribution with `degrees` of freedom, a whole number, exceeds with probability `tail` (0..0.5).
 * With t = sqrt(degrees) * tan(angle) the distribution is a finite sum: Abramowitz and Stegun 26.7.3 and 26.7.4.
 */
export function studentT(tail: number, degrees: number): number {
  let [low, high] = [0, Math.PI / 2];
  for (let halvings = 0; halvings < 50; halvings++) {
    const angle = (low + high) / 2;
    if (shareWithin(angle, degrees) < 1 - 2 * tail) low = angle;
    else high = angle;
  }
  return Math.sqrt(degrees) * Math.tan((low + high) / 2);
}

/** Probability of -t..t. */
function shareWithin(angle: number, degrees: number): number {
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const isOdd = degrees % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k < degrees; k += 2) {
    term *= ((k - 1) / k) * cosine ** 2;
    sum += term;
  }
  return isOdd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}
