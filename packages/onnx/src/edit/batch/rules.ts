import { intAttribute, intsAttribute, type Node } from '../../model/index.ts';
import { arrangementRules } from './arrangement.ts';
import { axisAttribute, Fixed, type Step } from './step.ts';

/**
 * Along which axis the samples of each output lie (one number for all of them), given that those of the inputs lie where
 * `step.axis` says: a batch must give what its samples give one by one, put together along that axis. Throws a Fixed otherwise.
 */
export type BatchRule = (step: Step) => number | (number | undefined)[];

/** The rule of an operator, and whether it may take target shapes made of sizes. */
export function ruleFor(node: Node): { rule: BatchRule; takesSizes: boolean } {
  const rules =
    node.domain === 'ai.onnx.ml' ? mlRules : node.domain === '' || node.domain === 'ai.onnx' ? onnxRules : {};
  const rule = Object.hasOwn(rules, node.opType) ? rules[node.opType] : undefined;
  if (rule === undefined) throw new Fixed('it is not known how the operator treats a batch');
  return { rule, takesSizes: node.opType === 'Reshape' };
}

/** Operators on each element, whose operands broadcast. */
const elementwise: BatchRule = ({ node, axis, shape }) => {
  const places = node.inputs.flatMap((input, index) => (input === '' ? [] : [index]));
  const rank = Math.max(...places.map((index) => shape(index).length));
  const fromEnd = (index: number, at: number) => at + rank - shape(index).length;
  const axes = new Set(
    places.flatMap((index) => (axis(index) === undefined ? [] : [fromEnd(index, axis(index) ?? 0)])),
  );
  const [samples = 0, another] = axes;
  if (another !== undefined) throw new Fixed('its inputs hold the samples along different axes');
  for (const index of places) {
    const size = shape(index)[samples - rank + shape(index).length] ?? 1;
    if (axis(index) === undefined && size !== 1)
      throw new Fixed(`its constant "${node.inputs[index]}" has one part per sample`);
  }
  return samples;
};

/** Operators on the first input alone, sample by sample where the samples lie along axis 0. */
const perSample: BatchRule = ({ node, axis }) => {
  if (axis(0) !== 0) throw new Fixed('the samples do not lie along its first axis');
  if (node.opType === 'MaxPool' && node.outputs.length > 1)
    throw new Fixed('its indices count through all samples');
  if (node.inputs.some((_, index) => index > 0 && axis(index) !== undefined))
    throw new Fixed('its parameters hold the batch');
  return 0;
};

/** Operators that work along one axis, which must not be the samples'. */
function along(otherwise: (step: Step) => number): BatchRule {
  return (step) => {
    const samples = firstAxis(step);
    const rank = step.shape(0).length;
    if (axisAttribute(step.node, otherwise(step), rank) === samples)
      throw new Fixed('it works along the axis of the samples');
    return samples;
  };
}

function firstAxis({ node, axis }: Step): number {
  const samples = axis(0);
  if (samples === undefined || node.inputs.some((_, index) => index > 0 && axis(index) !== undefined))
    throw new Fixed('its parameters hold the batch');
  return samples;
}

/** Before opset 13 the axes from `axis` on were one. */
const softmax: BatchRule = (step) => {
  if (step.version >= 13) return along(() => -1)(step);
  const samples = firstAxis(step);
  if (samples >= axisAttribute(step.node, 1, step.shape(0).length))
    throw new Fixed('it works along the axis of the samples');
  return samples;
};

const gemm: BatchRule = (step) => {
  const { node, axis, shape } = step;
  const rows = intAttribute(node, 'transA') === 1 ? 1 : 0;
  if (axis(0) !== rows || axis(1) !== undefined)
    throw new Fixed('the samples are not the rows of its first matrix');
  if ((node.inputs[2] ?? '') === '') return 0;
  const isRow = shape(2).length < 2 || shape(2)[0] === 1;
  if (axis(2) === undefined ? !isRow : axis(2) !== 0 || shape(2).length < 2)
    throw new Fixed('its bias has one row per sample');
  return 0;
};

/** Rows of the left matrix, columns of the right one, or matrices of a stack. */
const matMul: BatchRule = ({ axis, shape }) => {
  const ranks = [shape(0).length, shape(1).length];
  const rank = Math.max(...ranks);
  if (ranks.some((one) => one < 2)) throw new Fixed('one of its inputs is a vector');
  const [left, right] = [0, 1].map((index) => {
    const at = axis(index);
    return at === undefined ? undefined : at + rank - (ranks[index] ?? 0);
  });
  if (left === undefined && right === rank - 1) return right;
  if (right === undefined && left === rank - 2) return left;
  const samples = left ?? right ?? 0;
  const isStack = samples < rank - 2 && (left === undefined || right === undefined || left === right);
  const sizes = [0, 1].map((index) =>
    axis(index) === undefined ? shape(index)[samples - rank + shape(index).length] : 1,
  );
  if (!isStack || sizes.some((size) => (size ?? 1) !== 1)) throw new Fixed('it mixes samples');
  return samples;
};

const reduce: BatchRule = (step) => {
  const samples = firstAxis(step);
  const axes = step.axes(1, step.shape(0).length);
  if (!axes || axes.includes(samples)) throw new Fixed('it reduces the axis of the samples');
  if (intAttribute(step.node, 'keepdims') === 0)
    return samples - axes.filter((axis) => axis < samples).length;
  return samples;
};

const argReduce: BatchRule = (step) => {
  const samples = along(() => 0)(step) as number;
  const axis = axisAttribute(step.node, 0, step.shape(0).length);
  return intAttribute(step.node, 'keepdims') === 0 && axis < samples ? samples - 1 : samples;
};

const layerNorm: BatchRule = (step) => {
  const samples = firstAxis(step);
  if (samples >= axisAttribute(step.node, -1, step.shape(0).length))
    throw new Fixed('it normalizes across samples');
  return samples;
};

/** LSTM, GRU, RNN: the input is [time, batch, size] and states [directions, batch, size]. */
const recurrent: BatchRule = ({ node, axis }) => {
  if (intAttribute(node, 'layout') === 1 || axis(0) !== 1)
    throw new Fixed('the samples do not lie along its second axis');
  for (const [index, input] of node.inputs.entries()) {
    const holdsBatch = index === 5 || index === 6;
    if (index === 4 && input !== '') throw new Fixed('it takes the length of each sample');
    if (index > 0 && input !== '' && axis(index) !== (holdsBatch ? 1 : undefined))
      throw new Fixed(
        holdsBatch ? 'its initial state has one part per sample' : 'its parameters hold the batch',
      );
  }
  return [2, 1, 1];
};

const resize: BatchRule = (step) => {
  const { node, numbers } = step;
  const sizes = (node.inputs[3] ?? '') !== '';
  const scales = numbers(node.inputs.length === 2 ? 1 : 2);
  if (sizes || scales?.[0] !== 1 || intsAttribute(node, 'axes'))
    throw new Fixed('its target size includes the batch');
  return perSample(step);
};

const quantize: BatchRule = (step) => {
  const samples = firstAxis(step);
  const isPerAxis = step.shape(1).length > 0 && (step.shape(1)[0] ?? 1) !== 1;
  if (isPerAxis && axisAttribute(step.node, 1, step.shape(0).length) === samples)
    throw new Fixed('it has a scale per sample');
  return samples;
};

const elementwiseOperators =
  'Abs Acos Add And Asin Atan BitShift Cast Ceil Celu Clip Cos Div Dropout Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual ' +
  'HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu ' +
  'Pow Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Softsign Sqrt Sub Sum Tan Tanh ThresholdedRelu Where Xor';
const perSampleOperators =
  'AveragePool BatchNormalization Conv ConvTranspose DepthToSpace GlobalAveragePool GlobalMaxPool GroupNormalization ' +
  'InstanceNormalization LRN LpPool MaxPool SpaceToDepth Upsample';
const reductions =
  'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare';

function each(operators: string, rule: BatchRule): Record<string, BatchRule> {
  return Object.fromEntries(operators.split(' ').map((opType) => [opType, rule]));
}

const onnxRules: Record<string, BatchRule> = {
  ...arrangementRules,
  ...each(elementwiseOperators, elementwise),
  ...each(perSampleOperators, perSample),
  ...each(reductions, reduce),
  ...each('Softmax LogSoftmax Hardmax', softmax),
  ...each('ArgMax ArgMin', argReduce),
  ...each('LSTM GRU RNN', recurrent),
  ...each('QuantizeLinear DequantizeLinear', quantize),
  CumSum: (step) => {
    const at = step.numbers(1)?.[0];
    const rank = step.shape(0).length;
    if (at === undefined || (at < 0 ? at + rank : at) === firstAxis(step))
      throw new Fixed('it works along the axis of the samples');
    return firstAxis(step);
  },
  Gemm: gemm,
  LayerNormalization: layerNorm,
  LpNormalization: along(() => -1),
  MatMul: matMul,
  Resize: resize,
  TopK: along(() => -1),
};

const mlOperators =
  'Binarizer Imputer LinearClassifier LinearRegressor Normalizer SVMClassifier SVMRegressor Scaler TreeEnsembleClassifier ' +
  'TreeEnsembleRegressor ZipMap';
const mlRules = each(mlOperators, perSample);
