import * as v from 'valibot';
import { NameSchema } from '../ids.ts';
import { limits } from '../limits.ts';
import { datatypes, TensorSpecSchema } from '../tensors/index.ts';
import { PreprocessingSchema } from './preprocessing.ts';

const tensor = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
const count = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
const finite = v.pipe(v.number(), v.finite());
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
/** A dimension by its place, or from the end when negative. */
const axis = count(-limits.tensorRank, limits.tensorRank - 1);
const perChannel = v.pipe(v.array(finite), v.minLength(1), v.maxLength(4_096));
/** Names in an ONNX file, and the pipeline's tensors that go there or come from there. */
const connections = v.pipe(
  v.record(tensor, tensor),
  v.check((names) => Object.keys(names).length > 0, 'at least one tensor'),
  v.check(
    (names) => Object.keys(names).length <= limits.tensorsPerModel,
    `at most ${limits.tensorsPerModel} tensors`,
  ),
);
const oneToOne = { input: tensor, output: tensor };

/**
 * One step of a pipeline: it reads named tensors and names what it gives. Steps take FP16, FP32 or FP64 where they take
 * numbers, and give FP32.
 * - `model`: inputs and outputs by the names in the ONNX file. Without `model` it is the bundle's own; with it another one
 *   deployed on the device, in the version (SemVer or number) or channel named, or what its route says.
 * - `preprocess`: BYTES [n], every element a file. Pictures become a batch of n, a recording (n = 1) its windows.
 * - `constant`: a tensor of one number; one dimension of `shape` may be -1, which is the first of `rowsOf`.
 * - `normalize`: (x - mean) / scale along `axis`; one number is for all. Takes integers below 64 bits too.
 * - `softmax`: exp(x) / sum(exp(x)) over the last axis. `sigmoid`: 1 / (1 + exp(-x)).
 * - `select`: one index of an axis, which goes: [n,2] with axis 1 and index 1 becomes [n].
 * - `argmax`: the place of the greatest along the last axis, which goes; INT64, the first of equals.
 * - `top-k`: the k greatest along the last axis, greatest first, equals by place; `indices` INT32; `labels` BYTES, the
 *   class names of the bundle's classification.
 * - `non-maximum-suppression`: of boxes [n,4] or [rows,n,4] (left, top, right, bottom or the same with y first) and scores
 *   [n,classes] or [rows,n,classes] those that score at least `threshold`, best first, without those that overlap a better
 *   one by more than `suppression` (intersection over union), of their class alone or of any. Boxes [m,4], scores [m],
 *   classes INT32 [m], rows INT32 [m]: row by row.
 */
export const StageSchema = v.variant('kind', [
  v.object({
    kind: v.literal('model'),
    model: v.optional(NameSchema),
    version: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(64))),
    inputs: connections,
    outputs: connections,
  }),
  v.object({ kind: v.literal('preprocess'), ...oneToOne, form: PreprocessingSchema }),
  v.object({
    kind: v.literal('constant'),
    output: tensor,
    datatype: v.picklist(datatypes.filter((datatype) => datatype !== 'BYTES')),
    shape: v.pipe(v.array(count(-1, 16 * 1024 * 1024)), v.maxLength(limits.tensorRank)),
    value: finite,
    rowsOf: v.optional(tensor),
  }),
  v.object({ kind: v.literal('normalize'), ...oneToOne, axis, mean: perChannel, scale: perChannel }),
  v.object({ kind: v.literal('softmax'), ...oneToOne }),
  v.object({ kind: v.literal('sigmoid'), ...oneToOne }),
  v.object({
    kind: v.literal('select'),
    ...oneToOne,
    axis,
    index: count(0, limits.tensorElements),
  }),
  v.object({ kind: v.literal('argmax'), ...oneToOne }),
  v.object({
    kind: v.literal('top-k'),
    input: tensor,
    k: count(1, 1_000),
    values: tensor,
    indices: tensor,
    labels: v.optional(tensor),
  }),
  v.object({
    kind: v.literal('non-maximum-suppression'),
    boxes: tensor,
    scores: tensor,
    /** The class that means nothing is there; null where there is none. */
    background: v.nullable(count(0, limits.classNames)),
    threshold: finite,
    suppression: share,
    /** Boxes are rivals of their own class alone, or of all. */
    perClass: v.boolean(),
    /** Most detections of a row. */
    most: count(1, 1_000),
    outputs: v.object({ boxes: tensor, scores: tensor, classes: tensor, rows: v.optional(tensor) }),
  }),
]);
export type Stage = v.InferOutput<typeof StageSchema>;

const specs = v.pipe(v.array(TensorSpecSchema), v.minLength(1), v.maxLength(limits.tensorsPerModel));

/**
 * What is done with a request before and after the model, declared in the bundle. `inputs` and `outputs` are what clients
 * see; the ONNX file keeps its own. Stages run as soon as what they read is there.
 */
export const PipelineSchema = v.object({
  inputs: specs,
  stages: v.pipe(v.array(StageSchema), v.minLength(1), v.maxLength(64)),
  /** Tensors of the pipeline by their names. */
  outputs: specs,
});
export type Pipeline = v.InferOutput<typeof PipelineSchema>;

/** The tensors that a stage reads. */
export function readBy(stage: Stage): string[] {
  switch (stage.kind) {
    case 'model':
      return Object.values(stage.inputs);
    case 'constant':
      return stage.rowsOf === undefined ? [] : [stage.rowsOf];
    case 'non-maximum-suppression':
      return [stage.boxes, stage.scores];
    default:
      return [stage.input];
  }
}

/** The tensors that a stage gives. */
export function givenBy(stage: Stage): string[] {
  switch (stage.kind) {
    case 'model':
      return Object.values(stage.outputs);
    case 'top-k':
      return [stage.values, stage.indices, stage.labels].filter((name) => name !== undefined);
    case 'non-maximum-suppression':
      return Object.values(stage.outputs).filter((name) => name !== undefined);
    default:
      return [stage.output];
  }
}

/** A stage in an error: its place, counted from 1, and what it is. */
export function stageName(stage: Stage, index: number): string {
  const of = stage.kind === 'model' && stage.model !== undefined ? ` ${stage.model}` : '';
  return `stage ${index + 1} (${stage.kind}${of})`;
}
