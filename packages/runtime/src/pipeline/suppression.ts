import { CoveyError, type Stage, type Tensor } from '@covey/protocol';
import { overlap } from '../tensors/index.ts';
import { floatTensor, integerTensor, numbersOf } from './numbers.ts';

type Suppression = Extract<Stage, { kind: 'non-maximum-suppression' }>;

/** A box that scores at least the threshold; `at` is where its corners begin. */
interface Candidate {
  at: number;
  classIndex: number;
  score: number;
}

/** The best so many candidates of a row are looked at: bounds the time that a model gone wrong can take. */
const mostCandidates = 10_000;

/**
 * Non-maximum suppression, greedy, row by row (protocol, StageSchema): boxes [m,4], scores [m], classes [m], rows [m].
 * Scores that are no numbers are no detections. Errors: INFERENCE_FAILED when boxes and scores do not belong together.
 */
export function suppress(
  stage: Suppression,
  boxes: Tensor,
  scores: Tensor,
): [boxes: Tensor, scores: Tensor, classes: Tensor, rows: Tensor] {
  const { rows, perRow, classes } = sizesOf(boxes, scores);
  const [corners, values] = [numbersOf(boxes), numbersOf(scores)];
  const kept: (Candidate & { row: number })[] = [];
  for (let row = 0; row < rows; row++) {
    const candidates = candidatesOf(values, row * perRow, perRow, classes, stage);
    for (const candidate of best(candidates, corners, stage)) kept.push({ ...candidate, row });
  }
  const found = floatTensor([kept.length, 4]);
  const certainty = floatTensor([kept.length]);
  for (const [i, { at, score }] of kept.entries()) {
    for (let corner = 0; corner < 4; corner++) found.elements[4 * i + corner] = corners[at + corner] ?? 0;
    certainty.elements[i] = score;
  }
  const integers = (of: (candidate: (typeof kept)[number]) => number) =>
    integerTensor([kept.length], kept.map(of));
  return [
    found.tensor,
    certainty.tensor,
    integers(({ classIndex }) => classIndex),
    integers(({ row }) => row),
  ];
}

function sizesOf(boxes: Tensor, scores: Tensor): { rows: number; perRow: number; classes: number } {
  const [perRow = 0, classes = 0] = scores.shape.slice(-2);
  const rank = scores.shape.length;
  const expected = [...scores.shape.slice(0, -1), 4];
  if ((rank !== 2 && rank !== 3) || boxes.shape.join() !== expected.join())
    throw new CoveyError(
      'INFERENCE_FAILED',
      `[${boxes.shape}] holds no boxes for scores of [${scores.shape}]`,
    );
  return { rows: rank === 3 ? (scores.shape[0] ?? 0) : 1, perRow, classes };
}

/** Best first; of equals the one that comes first. */
function candidatesOf(
  scores: ArrayLike<number>,
  firstBox: number,
  boxes: number,
  classes: number,
  { background, threshold }: Suppression,
): Candidate[] {
  const found: Candidate[] = [];
  for (let box = firstBox; box < firstBox + boxes; box++) {
    for (let classIndex = 0; classIndex < classes; classIndex++) {
      const score = scores[box * classes + classIndex] ?? Number.NaN;
      if (classIndex !== background && score >= threshold) found.push({ at: 4 * box, classIndex, score });
    }
  }
  return found.sort((a, b) => b.score - a.score).slice(0, mostCandidates);
}

function best(
  candidates: readonly Candidate[],
  corners: ArrayLike<number>,
  { suppression, perClass, most }: Suppression,
): Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of candidates) {
    if (kept.length === most) break;
    const isRival = ({ classIndex }: Candidate) => !perClass || classIndex === candidate.classIndex;
    // NaN, of corners that are no numbers, suppresses nothing.
    const isBeaten = (other: Candidate) => overlap(corners, other.at, corners, candidate.at) > suppression;
    if (!kept.some((other) => isRival(other) && isBeaten(other))) kept.push(candidate);
  }
  return kept;
}
