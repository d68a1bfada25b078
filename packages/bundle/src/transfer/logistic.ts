/**
 * Logarithms and exponentials by additions, multiplications and divisions alone: Math.log and Math.exp may differ in
 * the last bit from one engine to another, and a decoder must compute what the encoder computed.
 */
function logarithm(x: number): number {
  // ln x = 2 artanh((x - 1) / (x + 1)), its series, for x from 1 to 2.
  if (x >= 2) return logarithm(x / 2) + ln2;
  if (x < 1) return logarithm(x * 2) - ln2;
  const ratio = (x - 1) / (x + 1);
  let [power, sum] = [ratio, 0];
  for (let n = 1; n < 60; n += 2) {
    sum += power / n;
    power *= ratio * ratio;
  }
  return 2 * sum;
}

function exponential(x: number): number {
  let [term, sum] = [1, 1];
  for (let n = 1; n < 20; n++) {
    term *= x / 1_024 / n;
    sum += term;
  }
  for (let n = 0; n < 10; n++) sum *= sum;
  return sum;
}

const ln2 = Math.LN2;
const stretchSteps = 4_096;
const squashSteps = 4_096;
const squashRange = 12;

/** ln(p / (1 - p)) by the upper 12 bits of p. */
export const stretch: Float64Array = Float64Array.from({ length: stretchSteps }, (_, i) => {
  const p = (i + 0.5) / stretchSteps;
  return logarithm(p) - logarithm(1 - p);
});

const squashed = Float64Array.from({ length: squashSteps + 1 }, (_, i) => {
  const x = (i / squashSteps) * 2 * squashRange - squashRange;
  // As a probability of a coder, which ends before 0 and 1.
  return Math.min(65_535, Math.max(1, Math.floor(65_536 / (1 + exponential(-x))))) / 65_536;
});

/** 1 / (1 + e^-x), `stretch` turned back. */
export function squash(x: number): number {
  const at = (x + squashRange) * (squashSteps / (2 * squashRange));
  if (!(at > 0)) return squashed[0] as number;
  return squashed[at < squashSteps ? (at + 0.5) | 0 : squashSteps] as number;
}
