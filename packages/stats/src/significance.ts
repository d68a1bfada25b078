/** Cell counts of two distributions over the same cells, with the numbers of independent observations behind them. */
interface CellCounts {
  reference: readonly number[];
  current: readonly number[];
  referenceObservations: number;
  currentObservations: number;
}

/** Below, a change is not material however significant: the customary PSI bound for a major change. */
export const materialPsi = 0.25;
/** Benjamini-Hochberg level across everything tested in one comparison. */
const falseDiscoveryRate = 0.05;

/**
 * Population stability index sum((p - q) ln(p/q)) over cells, half a count added to each, and its p-value: under equal
 * distributions PSI m n/(m + n) follows chi-square with cells - 1 degrees of freedom (Yurdakul, Statistical properties of
 * PSI, 2018), m and n the independent observations.
 */
export function populationStability(cells: CellCounts): { psi: number; pValue: number } {
  const smoothed = (counts: readonly number[]): number[] => {
    const total = counts.reduce((sum, count) => sum + count + 0.5, 0);
    return counts.map((count) => (count + 0.5) / total);
  };
  const p = smoothed(cells.current);
  const q = smoothed(cells.reference);
  const psi = p.reduce((sum, share, i) => {
    const expected = q[i] as number;
    return sum + (share - expected) * Math.log(share / expected);
  }, 0);
  return { psi, pValue: chiSquareTail(psi * effectiveObservations(cells), p.length - 1) };
}

/** p-value of two equal rates against different ones: the pooled chi-square test with one degree of freedom. */
export function rateDifference(
  rate: number,
  referenceRate: number,
  observations: Pick<CellCounts, 'currentObservations' | 'referenceObservations'>,
): number {
  const { currentObservations: n, referenceObservations: m } = observations;
  const pooled = (rate * n + referenceRate * m) / (n + m);
  if (pooled === 0 || pooled === 1) return 1;
  const difference = rate - referenceRate;
  return chiSquareTail((difference ** 2 / (pooled * (1 - pooled))) * effectiveObservations(observations), 1);
}

function effectiveObservations(
  observations: Pick<CellCounts, 'currentObservations' | 'referenceObservations'>,
): number {
  const { currentObservations: n, referenceObservations: m } = observations;
  return (m * n) / (m + n);
}

/**
 * P(X > x) of chi-square with an integer number of degrees of freedom: Abramowitz and Stegun 26.4.4 (odd) and 26.4.5
 * (even), absolute error below 2e-7 (that of erfc). No degrees of freedom: nothing can differ, 1.
 */
export function chiSquareTail(x: number, degrees: number): number {
  if (degrees < 1 || x <= 0) return 1;
  const half = x / 2;
  const odd = degrees % 2 === 1;
  let tail = odd ? complementaryError(Math.sqrt(half)) : 0;
  // Terms half^a e^-half / Gamma(a + 1) for a = 1/2, 3/2, ... or 0, 1, ...; logarithms because many degrees overflow.
  let logTerm = odd ? 0.5 * Math.log((4 * half) / Math.PI) - half : -half;
  for (let a = odd ? 0.5 : 0; a < degrees / 2; a++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log(half / (a + 1));
  }
  return Math.min(1, tail);
}

/** erfc for x >= 0: Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7. */
function complementaryError(x: number): number {
  const t = 1 / (1 + 0.3275911 * x);
  const polynomial =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return polynomial * Math.exp(-x * x);
}

/** Largest p-value that Benjamini and Hochberg (1995) still reject; -1 when none is. */
export function rejectionThreshold(pValues: readonly number[]): number {
  const sorted = [...pValues].sort((a, b) => a - b);
  return sorted.findLast((p, i) => p <= (falseDiscoveryRate * (i + 1)) / sorted.length) ?? -1;
}
