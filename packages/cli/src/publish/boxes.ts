import type { GoldenVector, ModelSchema, TensorSpec, Tolerance } from '@covey/protocol';
import { floatsOf } from './floats.ts';

type BoxTolerance = Extract<Tolerance, { kind: 'boxes' }>;

/** What detectors commonly act on, and how far a quantized one may stray before somebody would see it. */
const usual = { threshold: 0.5, suppression: 0.5, overlap: 0.6, scoreDifference: 0.1 } as const;

/**
 * A tolerance at the level of detections, where exactly two outputs are boxes [..., n, 4] and scores [..., n, classes] and
 * the golden vectors bear it out: scores in 0..1, and boxes that are detected have their corners in order. Else undefined.
 */
export function decidedBoxes(schema: ModelSchema, golden: readonly GoldenVector[]): BoxTolerance | undefined {
  const pairs = schema.outputs.flatMap((boxes) =>
    schema.outputs.filter((scores) => areBoxesWithScores(boxes, scores)).map((scores) => ({ boxes, scores })),
  );
  const [pair, ...others] = pairs;
  if (!pair || others.length > 0 || golden.length === 0) return undefined;
  const classes = pair.scores.shape.at(-1) ?? 0;
  const sides = golden.map(({ outputs }) => ({
    corners: valuesOf(outputs[pair.boxes.name]),
    scores: valuesOf(outputs[pair.scores.name]),
  }));
  if (!sides.every(({ scores }) => scores.every((score) => score >= 0 && score <= 1))) return undefined;
  const background = backgroundOf(
    sides.map(({ scores }) => scores),
    classes,
  );
  if (!sides.every(({ corners, scores }) => detectedInOrder(corners, scores, classes, background)))
    return undefined;
  const names = { boxes: pair.boxes.name, scores: pair.scores.name };
  return { kind: 'boxes', ...names, background, ...usual };
}

function areBoxesWithScores(boxes: TensorSpec, scores: TensorSpec): boolean {
  const before = ({ shape }: TensorSpec) => shape.slice(0, -1).join();
  return (
    boxes !== scores &&
    [boxes, scores].every(({ datatype, shape }) => datatype.startsWith('FP') && shape.length >= 2) &&
    boxes.shape.at(-1) === 4 &&
    before(boxes) === before(scores) &&
    boxes.shape.at(-2) !== 1 &&
    (scores.shape.at(-1) ?? -1) > 0 &&
    scores.shape.at(-1) !== 4
  );
}

function valuesOf(tensor: GoldenVector['outputs'][string] | undefined): Float64Array {
  return tensor ? floatsOf(tensor) : new Float64Array();
}

/** The class that most boxes score highest for: a picture is mostly background. Null where no class is on average above a half. */
function backgroundOf(scores: readonly Float64Array[], classes: number): number | null {
  const sums = new Float64Array(classes);
  let boxes = 0;
  for (const values of scores) {
    boxes += values.length / classes;
    for (const [at, score] of values.entries()) sums[at % classes] = (sums[at % classes] ?? 0) + score;
  }
  const found = sums.findIndex((sum) => sum / boxes > 0.5);
  return found < 0 ? null : found;
}

function detectedInOrder(
  corners: Float64Array,
  scores: Float64Array,
  classes: number,
  background: number | null,
): boolean {
  return scores.every((score, at) => {
    if (at % classes === background || score < usual.threshold) return true;
    const [left = 0, top = 0, right = 0, bottom = 0] = corners.subarray(4 * Math.floor(at / classes));
    return right > left && bottom > top;
  });
}
