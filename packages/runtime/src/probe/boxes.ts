import type { Tensor, Tolerance } from '@covey/protocol';
import { overlap } from '../tensors/index.ts';
import { mismatch, numbersOf } from './elements.ts';

type BoxTolerance = Extract<Tolerance, { kind: 'boxes' }>;
type Corners = readonly [number, number, number, number];

/** A box that scores for one class in one image of the batch. */
interface Detection {
  image: number;
  classIndex: number;
  corners: Corners;
  score: number;
}

/** The best so many candidates and detections are looked at: bounds the time that a model gone wrong can take. */
const maxCandidates = 10_000;
const maxDetections = 1_000;

/**
 * The same detections on both sides (protocol, ToleranceSchema). What is matched with are the boxes before suppression: which
 * of two neighbours that overlap by just about `suppression` is kept is chance. Errors: GOLDEN_MISMATCH.
 */
export function requireSameBoxes(
  boxes: readonly [actual: Tensor, expected: Tensor],
  scores: readonly [actual: Tensor, expected: Tensor],
  tolerance: BoxTolerance,
): void {
  const actual = candidatesOf(boxes[0], scores[0], tolerance);
  const expected = candidatesOf(boxes[1], scores[1], tolerance);
  const missed = detectionsOf(expected, tolerance).find((box) => !hasMatch(box, actual, tolerance));
  if (missed) throw mismatch(tolerance.boxes, `expected ${described(missed)}, which is not found`);
  const extra = detectionsOf(actual, tolerance).find((box) => !hasMatch(box, expected, tolerance));
  if (extra) throw mismatch(tolerance.boxes, `got ${described(extra)}, which is not expected`);
}

/** Boxes that score at least the threshold, or so little below it that they may match one that does; best first. */
function candidatesOf(boxes: Tensor, scores: Tensor, tolerance: BoxTolerance): Detection[] {
  const classes = scores.shape.at(-1) ?? 0;
  const boxesPerImage = scores.shape.at(-2) ?? 0;
  if (boxes.shape.at(-1) !== 4 || boxes.shape.at(-2) !== boxesPerImage)
    throw mismatch(tolerance.boxes, `[${boxes.shape}] holds no boxes for scores of [${scores.shape}]`);
  const [corners, values] = [numbersOf(tolerance.boxes, boxes), numbersOf(tolerance.scores, scores)];
  const least = tolerance.threshold - tolerance.scoreDifference;
  const found: Detection[] = [];
  for (let at = 0; at < values.length; at++) {
    const score = values[at] ?? Number.NaN;
    const classIndex = at % classes;
    if (Number.isNaN(score)) throw mismatch(tolerance.scores, `element ${at} is no number`);
    if (classIndex === tolerance.background || score < least) continue;
    const box = Math.floor(at / classes);
    const corner = (i: number) => corners[4 * box + i] ?? Number.NaN;
    const image = Math.floor(box / boxesPerImage);
    found.push({ image, classIndex, corners: [corner(0), corner(1), corner(2), corner(3)], score });
  }
  return found.sort((a, b) => b.score - a.score).slice(0, maxCandidates);
}

/** Non-maximum suppression, greedy: a box is kept unless a better one that is kept overlaps it by more than `suppression`. */
function detectionsOf(candidates: readonly Detection[], tolerance: BoxTolerance): Detection[] {
  const kept: Detection[] = [];
  for (const candidate of candidates) {
    if (candidate.score < tolerance.threshold || kept.length === maxDetections) break;
    const rivals = kept.filter((box) => isSameKind(box, candidate));
    if (rivals.every((box) => overlap(box.corners, 0, candidate.corners, 0) <= tolerance.suppression))
      kept.push(candidate);
  }
  return kept;
}

function hasMatch(box: Detection, candidates: readonly Detection[], tolerance: BoxTolerance): boolean {
  return candidates.some(
    (other) =>
      isSameKind(box, other) &&
      Math.abs(box.score - other.score) <= tolerance.scoreDifference &&
      overlap(box.corners, 0, other.corners, 0) >= tolerance.overlap,
  );
}

function isSameKind(a: Detection, b: Detection): boolean {
  return a.image === b.image && a.classIndex === b.classIndex;
}

function described({ classIndex, corners, score }: Detection): string {
  const place = corners.map((corner) => Number(corner.toPrecision(4))).join(', ');
  return `a box of class ${classIndex} at (${place}) with score ${score.toFixed(3)}`;
}
