import type { Classification, GoldenVector, ModelSchema, Tolerance } from '@covey/protocol';
import { decidedBoxes } from './boxes.ts';
import { distanceOf, largestRowNorm } from './floats.ts';

/** fp32 differs from one processor to another by rounding alone. */
export const floatTolerances: Tolerance[] = [{ kind: 'elements', absolute: 1e-4, relative: 1e-3 }];

/** The relative error of a quantized output where nobody has measured it. */
const usualError = 0.05;
/** Below this another processor may differ by chance alone. */
const leastError = 0.01;
/** Another processor may lose as much again as this one. */
const room = 2;
/** Error that is always allowed, as a share of the largest golden output: near zero nothing is relative. */
const absoluteShare = 0.01;

/** What a variant gave for golden vector after golden vector. */
export type Answers = readonly GoldenVector['outputs'][];

/** How one output of a variant compares with the golden ones: root mean squares, the largest over the vectors. */
interface Loss {
  /** Of the error, over that of the golden outputs. */
  relative: number;
  /** Of the error beyond `room` times the relative one. */
  excess: number;
  largestError: number;
  /** Of the golden outputs, and the largest norm of a row. */
  size: number;
  rowNorm: number;
}

/**
 * Tolerances for a quantized variant, one per output, at the level of what the outputs decide: the same classes where the
 * publisher says which output classifies, the same detections where two outputs are boxes and scores, else a relative
 * error. `answers` are the variant's own where it was run here: they are within the tolerances with room to spare, but for
 * detections, which are the same or not.
 */
export function decisionTolerances(
  schema: ModelSchema,
  classification: Classification | undefined,
  golden: readonly GoldenVector[],
  answers?: Answers,
): Tolerance[] {
  const lossOf = (name: string) => measureLoss(name, golden, answers);
  const boxes = decidedBoxes(schema, golden);
  return schema.outputs.flatMap(({ name, datatype }): Tolerance[] => {
    if (name === boxes?.boxes) return [];
    const loss = lossOf(name);
    if (name === boxes?.scores) {
      const scoreDifference = Math.max(boxes.scoreDifference, room * loss.largestError);
      return [{ ...boxes, scoreDifference }];
    }
    const isScores = name === classification?.output && datatype.startsWith('FP');
    return [isScores ? classes(name, loss) : relativeError(name, loss)];
  });
}

function measureLoss(name: string, golden: readonly GoldenVector[], answers: Answers | undefined): Loss {
  const distances = golden.flatMap(({ outputs }, i) => {
    const expected = outputs[name];
    const actual = answers ? answers[i]?.[name] : expected;
    return expected && actual ? [{ ...distanceOf(actual, expected), rowNorm: largestRowNorm(expected) }] : [];
  });
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number ** 2, 0);
  const squaredSize = sum(distances.map(({ size }) => size));
  const measured = squaredSize === 0 ? 0 : Math.sqrt(sum(distances.map(({ error }) => error)) / squaredSize);
  const relative = answers ? Math.max(leastError, measured) : usualError;
  const largest = (numbers: number[]) => Math.max(0, ...numbers);
  return {
    relative,
    excess: largest(distances.map(({ error, size }) => error - room * relative * size)),
    largestError: largest(distances.map((distance) => distance.largestError)),
    size: largest(distances.map(({ size }) => size)),
    rowNorm: largest(distances.map(({ rowNorm }) => rowNorm)),
  };
}

/**
 * A relative error e of a row b brings two scores of it nearer to each other by at most sqrt(2) e |b|, and errors of at most
 * d by at most 2 d: only a smaller lead may turn.
 */
function classes(output: string, { relative, rowNorm, largestError }: Loss): Tolerance {
  return {
    kind: 'classes',
    output,
    margin: Math.max(Math.SQRT2 * room * relative * rowNorm, room * 2 * largestError),
  };
}

function relativeError(output: string, { relative, excess, size }: Loss): Tolerance {
  const absolute = Math.max(absoluteShare * size, room * excess);
  return { kind: 'relative-error', output, absolute, relative: room * relative };
}
