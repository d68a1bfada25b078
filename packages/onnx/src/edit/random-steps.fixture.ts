import { createConstant, createGraph, createNode, createValueInfo, elementTypes } from '../model/index.ts';
import type { Draft, Value } from './random-model.fixture.ts';

/** One way for a model to grow, from a value of `rank` dimensions: [1, channels, height, width] or [1, features]. */
export interface Step {
  name: string;
  rank: 2 | 4;
  add(draft: Draft, value: Value): void;
}

const channelsOf = ({ shape }: Value) => shape[1] ?? 1;

function convolution(draft: Draft, { name, shape }: Value, grouped: boolean): void {
  const [batch = 1, channels = 1, height = 1, width = 1] = shape;
  const group = grouped ? channels : 1;
  const outputs = grouped ? channels : 4;
  const weights = draft.floats([outputs, channels / group, 3, 3], -0.4, 0.4);
  const bias = draft.random() < 0.5 ? [draft.floats([outputs])] : [];
  draft.value([batch, outputs, height, width], 'Conv', [name, weights, ...bias], {
    kernel_shape: [3, 3],
    pads: [1, 1, 1, 1],
    group,
  });
}

function normalization(draft: Draft, { name, shape }: Value): void {
  const channels = [shape[1] ?? 1];
  const parameters = [draft.floats(channels, 0.5, 1.5), draft.floats(channels), draft.floats(channels)];
  draft.value(shape, 'BatchNormalization', [name, ...parameters, draft.floats(channels, 0.5, 2)]);
}

function transposedConvolution(draft: Draft, { name, shape }: Value): void {
  const [batch = 1, channels = 1, height = 1, width = 1] = shape;
  const group = channels % 2 === 0 && draft.random() < 0.5 ? 2 : 1;
  const weights = draft.floats([channels, 4 / group, 1, 1], -0.5, 0.5);
  draft.value([batch, 4, height, width], 'ConvTranspose', [name, weights], { kernel_shape: [1, 1], group });
}

/** Two convolutions that share weights, one of them normalized. */
function sharedWeights(draft: Draft, { name, shape }: Value): void {
  const [batch = 1, channels = 1, height = 1, width = 1] = shape;
  const weights = draft.floats([channels, channels, 1, 1], -0.5, 0.5);
  draft.value([batch, channels, height, width], 'Conv', [name, weights], { kernel_shape: [1, 1] });
  const plain = draft.values.at(-1);
  const other = draft.node('Conv', [name, weights], { kernel_shape: [1, 1] });
  normalization(draft, { name: other, shape });
  const normalized = draft.values.at(-1);
  if (plain && normalized) draft.value(shape, 'Add', [plain.name, normalized.name]);
}

function perChannel(draft: Draft, value: Value): void {
  const opType = ['Mul', 'Add', 'Sub', 'Div'][Math.floor(draft.random() * 4)] ?? 'Mul';
  const dims = value.shape.length === 4 ? [channelsOf(value), 1, 1] : [channelsOf(value)];
  const constant = draft.floats(draft.random() < 0.3 ? [] : dims, 0.5, 2);
  const swapped = opType !== 'Div' && draft.random() < 0.5;
  draft.value(value.shape, opType, swapped ? [constant, value.name] : [value.name, constant]);
}

function gemm(draft: Draft, value: Value): void {
  const features = channelsOf(value);
  const transB = draft.random() < 0.5 ? 1 : 0;
  const weights = draft.floats(transB ? [8, features] : [features, 8], -0.5, 0.5);
  const bias =
    draft.random() < 0.7 ? [draft.floats(draft.random() < 0.5 ? [8] : [1, 8])] : [draft.floats([1])];
  const factors = {
    alpha: { type: 'float' as const, value: 0.5 },
    beta: { type: 'float' as const, value: 2 },
  };
  draft.value([1, 8], 'Gemm', [value.name, weights, ...bias], { transB, ...factors });
}

/** Weights that are computed from constants: the transposed product of two. */
function computedWeights(draft: Draft, value: Value): void {
  const features = channelsOf(value);
  const product = draft.node('Mul', [draft.floats([8, features]), draft.floats([1], 0.2, 0.5)]);
  const weights = draft.node('Transpose', [product], { perm: [1, 0] });
  const multiplied = draft.node('MatMul', [value.name, weights]);
  draft.value([1, 8], 'Add', [multiplied, draft.floats([8])]);
}

/** [1, features], from the batch size that the shape tells and a constant -1. */
function computedReshape(draft: Draft, { name, shape }: Value): void {
  const features = shape.slice(1).reduce((product, size) => product * size, 1);
  const sizes = draft.node('Shape', [name]);
  const first = draft.node('Gather', [sizes, draft.integers([0])], { axis: 0 });
  const target = draft.node('Concat', [first, draft.integers([-1])], { axis: 0 });
  draft.value([1, features], 'Reshape', [name, target]);
}

function constantReshape(draft: Draft, { name, shape }: Value): void {
  const features = shape.slice(1).reduce((product, size) => product * size, 1);
  draft.value([1, features], 'Reshape', [name, draft.integers([1, features])]);
}

function arrangement(draft: Draft, { name, shape }: Value): void {
  const there = draft.node('Transpose', [name], { perm: [0, 2, 3, 1] });
  const back = draft.node('Transpose', [there], { perm: [0, 3, 1, 2] });
  draft.value(shape, 'Identity', [back]);
}

function softmax(draft: Draft, { name, shape }: Value): void {
  const axis = 1 + Math.floor(draft.random() * (shape.length - 1));
  draft.value(shape, 'Softmax', [name], { axis });
}

function clip(draft: Draft, { name, shape }: Value): void {
  if (draft.opset >= 11) draft.value(shape, 'Clip', [name, '', draft.floats([], 0.5, 1)]);
  else draft.value(shape, 'Clip', [name], { max: { type: 'float', value: 0.75 } });
}

function dropout(draft: Draft, { name, shape }: Value): void {
  draft.value(shape, 'Dropout', [name]);
}

function pad(draft: Draft, { name, shape }: Value): void {
  const pads = [0, 0, 1, 0, 0, 0, 0, 1];
  const [batch = 1, channels = 1, height = 1, width = 1] = shape;
  const padded = [batch, channels, height + 1, width + 1];
  if (draft.opset >= 11) draft.value(padded, 'Pad', [name, draft.integers(pads)]);
  else draft.value(padded, 'Pad', [name], { pads });
}

function slice(draft: Draft, { name, shape }: Value): void {
  const channels = shape[1] ?? 1;
  const end = Math.max(1, channels - 1);
  const parts = [[0], [end], [1]];
  const half = (numbers: number[]) => draft.integers(numbers);
  if (draft.opset >= 10) draft.value(shape.with(1, end), 'Slice', [name, ...parts.map(half)]);
  else draft.value(shape.with(1, end), 'Slice', [name], { starts: [0], ends: [end], axes: [1] });
}

function concat(draft: Draft, { name, shape }: Value): void {
  const rectified = draft.node('Relu', [name]);
  draft.value(shape.with(1, 2 * (shape[1] ?? 1)), 'Concat', [name, rectified], { axis: 1 });
}

function mean(draft: Draft, { name, shape }: Value): void {
  const attributes = { keepdims: 0 };
  const isInput = draft.opset >= 18;
  const inputs = isInput ? [name, draft.integers([2, 3])] : [name];
  draft.value(
    shape.slice(0, 2),
    'ReduceMean',
    inputs,
    isInput ? attributes : { ...attributes, axes: [2, 3] },
  );
}

function unsqueeze(draft: Draft, { name, shape }: Value): void {
  const axes = [2, 3];
  const inputs = draft.opset >= 13 ? [name, draft.integers(axes)] : [name];
  draft.value([...shape, 1, 1], 'Unsqueeze', inputs, draft.opset >= 13 ? {} : { axes });
}

/** A branch on a constant or on the data; both branches take the value from outside, and have constants of their own. */
function branches(draft: Draft, { name, shape }: Value): void {
  const branch = (scale: number) => {
    const graph = createGraph('branch');
    const scaled = draft.fresh('b');
    const constant = createConstant(draft.fresh('c'), elementTypes.FLOAT, [], Float32Array.of(scale));
    graph.nodes = [
      createNode('Constant', [], [constant.name], { value: { type: 'tensor', value: constant } }),
      createNode('Identity', [constant.name], [`${scaled}_same`]),
      createNode('Mul', [name, `${scaled}_same`], [scaled]),
    ];
    graph.outputs = [createValueInfo(scaled, { kind: 'tensor', elementType: elementTypes.FLOAT, shape })];
    return { type: 'graph' as const, value: graph };
  };
  const isKnown = draft.random() < 0.5;
  const threshold = draft.floats([1], -0.1, 0.1);
  const flat = draft.node('Reshape', [isKnown ? draft.floats([3]) : name, draft.integers([-1])]);
  const largest = draft.node('TopK', [flat, draft.integers([1])], { axis: 0 });
  const top = draft.graph.nodes.at(-1);
  if (top) top.outputs.push(draft.fresh('t'));
  if (draft.opset < 10) {
    top?.inputs.splice(1);
    top?.attributes.set('k', { type: 'int', value: 1n });
  }
  const condition = draft.node('Greater', [largest, threshold]);
  draft.value(shape, 'If', [condition], { then_branch: branch(0.5), else_branch: branch(-0.5) });
}

const any = (name: string, add: Step['add']): Step[] => [
  { name, rank: 2, add },
  { name, rank: 4, add },
];

export const steps: readonly Step[] = [
  { name: 'convolution', rank: 4, add: (draft, value) => convolution(draft, value, false) },
  { name: 'depthwise convolution', rank: 4, add: (draft, value) => convolution(draft, value, true) },
  { name: 'transposed convolution', rank: 4, add: transposedConvolution },
  { name: 'shared weights', rank: 4, add: sharedWeights },
  { name: 'arrangement', rank: 4, add: arrangement },
  { name: 'pad', rank: 4, add: pad },
  { name: 'mean', rank: 4, add: mean },
  { name: 'constant reshape', rank: 4, add: constantReshape },
  { name: 'computed reshape', rank: 4, add: computedReshape },
  { name: 'gemm', rank: 2, add: gemm },
  { name: 'computed weights', rank: 2, add: computedWeights },
  { name: 'unsqueeze', rank: 2, add: unsqueeze },
  ...any('normalization', normalization),
  ...any('per channel', perChannel),
  ...any('relu', (draft, { name, shape }) => draft.value(shape, 'Relu', [name])),
  ...any('clip', clip),
  ...any('softmax', softmax),
  ...any('dropout', dropout),
  ...any('slice', slice),
  ...any('concat', concat),
  ...any('branches', branches),
];
