import type { Summary, TensorSummary } from '@covey/protocol';
import { decileCounts } from './bins.ts';
import { standardDeviation } from './moments.ts';
import { materialPsi, populationStability, rateDifference, rejectionThreshold } from './significance.ts';
import { checkSummary, sameTensorAs } from './summary.ts';

/** Fewer inferences on either side say nothing. */
export const minInferences = 30;
/** Rise of a missing or out-of-range rate that is material: our choice, one element in twenty. */
const materialRateRise = 0.05;
/** A class is a cell of its own when it is expected at least so often; the others are one cell (Cochran's rule). */
const minExpectedDecisions = 5;

export type Finding = 'insufficient_data' | 'stable' | 'shifted';

/** What was judged, and found both significant and material. */
export type Shift = 'distribution' | 'missing' | 'out_of_range' | 'classes';

export interface TensorComparison {
  name: string;
  output: boolean;
  /** Finite elements seen. */
  count: number;
  /** |mean - reference mean| / reference sigma; null where the reference does not vary or either side is empty. */
  meanShift: number | null;
  /** sigma / reference sigma; null likewise. */
  sigmaRatio: number | null;
  /** Population stability index over the reference's deciles; null when either side is empty. */
  psi: number | null;
  missingRate: number;
  referenceMissingRate: number;
  outOfRangeRate: number;
  shifts: Shift[];
  finding: Finding;
}

interface ClassComparison {
  /** Half the sum of |share - reference share|: the part of the decisions that moved, 0..1. */
  totalVariation: number;
  psi: number;
  finding: Finding;
}

export interface Comparison {
  inferences: number;
  referenceInferences: number;
  tensors: TensorComparison[];
  /** Null when either side counted no decisions. */
  classes: ClassComparison | null;
  /** `shifted` when any tensor or the classes are. */
  finding: Finding;
}

/** One hypothesis of the comparison: shifted when it is rejected (Benjamini-Hochberg across all) and material. */
interface Test {
  shift: Shift;
  pValue: number;
  material: boolean;
}

/**
 * Compares what a model sees and says with its reference, without raw data. A shift needs significance and materiality.
 * The elements of one inference (the pixels of an image) depend on each other, so significance counts inferences, not
 * elements, as the independent observations: for independent elements that is cautious, never alarming too often.
 * Errors: INVALID_DOCUMENT when a summary's contents are impossible.
 */
export function compareWithReference(current: Summary, reference: Summary): Comparison {
  checkSummary(current);
  checkSummary(reference);
  const observations = {
    currentObservations: current.inferences,
    referenceObservations: reference.inferences,
  };
  const enough = Math.min(current.inferences, reference.inferences) >= minInferences;
  const measured = reference.tensors.map((known) => {
    const tensor = current.tensors.find(sameTensorAs(known));
    return measureTensor(tensor, known, observations);
  });
  const classes = measureClasses(current.classCounts, reference.classCounts);
  const tests = [...measured.flatMap(({ tests }) => tests), ...(classes ? [classes.test] : [])];
  const threshold = rejectionThreshold(tests.map(({ pValue }) => pValue));
  const shiftsOf = (judged: readonly Test[]): Shift[] =>
    judged.filter((test) => enough && test.material && test.pValue <= threshold).map(({ shift }) => shift);
  const findingOf = (shifts: readonly Shift[], judged: readonly Test[]): Finding => {
    if (!enough || judged.length === 0) return 'insufficient_data';
    return shifts.length > 0 ? 'shifted' : 'stable';
  };
  return {
    inferences: current.inferences,
    referenceInferences: reference.inferences,
    tensors: measured.map(({ tests, figures }) => {
      const shifts = shiftsOf(tests);
      return { ...figures, shifts, finding: findingOf(shifts, tests) };
    }),
    classes: classes && { ...classes.figures, finding: findingOf(shiftsOf([classes.test]), [classes.test]) },
    finding: findingOf(shiftsOf(tests), tests),
  };
}

type Observations = { currentObservations: number; referenceObservations: number };

function measureTensor(
  current: TensorSummary | undefined,
  reference: TensorSummary,
  observations: Observations,
): { figures: Omit<TensorComparison, 'shifts' | 'finding'>; tests: Test[] } {
  const moments = current?.moments;
  const count = moments?.count ?? 0;
  const missingRate = rateOf(current?.missing, current);
  const referenceMissingRate = rateOf(reference.missing, reference);
  const outOfRangeRate = rateOf(current?.outOfRange, current);
  const stability = measureDistribution(current, reference, observations);
  const sigma = reference.moments ? standardDeviation(reference.moments) : Number.NaN;
  const varies = count > 0 && sigma > 0 && Number.isFinite(sigma);
  const figures = {
    name: reference.name,
    output: reference.output,
    count,
    meanShift: varies && moments ? Math.abs(moments.mean - (reference.moments?.mean ?? 0)) / sigma : null,
    sigmaRatio: varies && moments ? standardDeviation(moments) / sigma : null,
    psi: stability?.psi ?? null,
    missingRate,
    referenceMissingRate,
    outOfRangeRate,
  };
  const rateTest = (shift: Shift, rate: number, referenceRate: number): Test => ({
    shift,
    pValue: rateDifference(rate, referenceRate, observations),
    material: rate - referenceRate >= materialRateRise,
  });
  const seen = count + (current?.missing ?? 0) > 0;
  return {
    figures,
    tests: [
      ...(stability
        ? [
            {
              shift: 'distribution' as const,
              pValue: stability.pValue,
              material: stability.psi >= materialPsi,
            },
          ]
        : []),
      ...(seen ? [rateTest('missing', missingRate, referenceMissingRate)] : []),
      ...(seen ? [rateTest('out_of_range', outOfRangeRate, rateOf(reference.outOfRange, reference))] : []),
    ],
  };
}

function measureDistribution(
  current: TensorSummary | undefined,
  reference: TensorSummary,
  observations: Observations,
): { psi: number; pValue: number } | undefined {
  if (!current?.histogram || !reference.histogram) return undefined;
  if (!current.moments?.count || !reference.moments?.count) return undefined;
  return populationStability({ ...decileCounts(reference.histogram, current.histogram), ...observations });
}

function rateOf(part: number | undefined, tensor: TensorSummary | undefined): number {
  const elements = (tensor?.moments?.count ?? 0) + (tensor?.missing ?? 0);
  return elements === 0 ? 0 : (part ?? 0) / elements;
}

function measureClasses(
  current: readonly number[],
  reference: readonly number[],
): { figures: Omit<ClassComparison, 'finding'>; test: Test } | null {
  const n = total(current);
  const m = total(reference);
  if (n === 0 || m === 0) return null;
  const classes = Array.from({ length: Math.max(current.length, reference.length) }, (_, i) => ({
    current: current[i] ?? 0,
    reference: reference[i] ?? 0,
  }));
  const variation = total(classes.map((cell) => Math.abs(cell.current / n - cell.reference / m))) / 2;
  const cells = mergeRareClasses(classes, Math.min(n, m) / (n + m));
  const { psi, pValue } = populationStability({
    current: cells.map((cell) => cell.current),
    reference: cells.map((cell) => cell.reference),
    currentObservations: n,
    referenceObservations: m,
  });
  return {
    figures: { totalVariation: variation, psi },
    test: { shift: 'classes', pValue, material: psi >= materialPsi },
  };
}

interface ClassCell {
  current: number;
  reference: number;
}

/** `smallerShare` of a class's decisions are expected on the side that has fewer. */
function mergeRareClasses(classes: readonly ClassCell[], smallerShare: number): ClassCell[] {
  const rare = (cell: ClassCell): boolean =>
    (cell.current + cell.reference) * smallerShare < minExpectedDecisions;
  const others = classes.filter(rare);
  const frequent = classes.filter((cell) => !rare(cell));
  if (others.length === 0) return frequent;
  const other = {
    current: total(others.map((cell) => cell.current)),
    reference: total(others.map((cell) => cell.reference)),
  };
  return [...frequent, other];
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
