import * as v from 'valibot';
import { limits } from './limits.ts';

const outputName = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
const error = v.pipe(v.number(), v.finite(), v.minValue(0));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/**
 * What counts as equal to a golden vector's outputs. Quantized results differ from one processor to another (x86-64, arm64,
 * WASM) in every element a little, so beside the elements themselves there are tolerances at the level of decisions.
 * - `elements`: |a-b| <= absolute + relative*|b| for every element of every output.
 * - `relative-error`: the root mean square of a-b over the output is at most absolute + relative times that of b.
 * - `classes`: in every row of the output's last axis the same element is greatest, or in b the two are within `margin`.
 * - `boxes`: the same detections. `boxes` [..., n, 4] holds corners (left, top, right, bottom or the same with y first),
 *   `scores` [..., n, classes] a score per class, of which `background` is none. Detections are the boxes that score at
 *   least `threshold`, without those that overlap (intersection over union) a better one of their class by more than
 *   `suppression`. Each, on either side, has on the other a box of its class that overlaps it by at least `overlap` and
 *   scores within `scoreDifference`.
 * Integers, truth values and texts are equal under `relative-error`. The golden outputs are b.
 */
export const ToleranceSchema = v.variant('kind', [
  v.object({ kind: v.literal('elements'), absolute: error, relative: error }),
  v.object({ kind: v.literal('relative-error'), output: outputName, absolute: error, relative: error }),
  v.object({ kind: v.literal('classes'), output: outputName, margin: error }),
  v.object({
    kind: v.literal('boxes'),
    boxes: outputName,
    scores: outputName,
    background: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(limits.classNames))),
    threshold: v.pipe(v.number(), v.finite()),
    suppression: share,
    overlap: share,
    scoreDifference: error,
  }),
]);
export type Tolerance = v.InferOutput<typeof ToleranceSchema>;

/** The outputs that a tolerance names; none for one that is about all of them. */
export function outputsOf(tolerance: Tolerance): string[] {
  switch (tolerance.kind) {
    case 'elements':
      return [];
    case 'relative-error':
    case 'classes':
      return [tolerance.output];
    case 'boxes':
      return [tolerance.boxes, tolerance.scores];
  }
}
