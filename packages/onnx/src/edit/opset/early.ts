import {
  createAttributes,
  createConstant,
  elementTypes,
  intAttribute,
  intsAttribute,
  type Node,
  numbersOf,
  textAttribute,
} from '../../model/index.ts';
import {
  type Adapter,
  addInts,
  type Conversion,
  dropping,
  intsToInput,
  keepFirstOutput,
  refuse,
} from './adapter.ts';

/** Concat had the axis 1 by default before version 4. */
const concatAxis: Adapter = (node) => {
  if (!node.attributes.has('axis')) node.attributes.set('axis', { type: 'int', value: 1n });
  return [node];
};

/** Cast named its element type before version 6. */
const castTarget: Adapter = (node, conversion) => {
  if (node.attributes.get('to')?.type !== 'string') return [node];
  const name = (textAttribute(node, 'to') ?? '').toUpperCase();
  const elementType = Object.entries(elementTypes).find(([candidate]) => candidate === name)?.[1];
  if (elementType === undefined) return refuse(node, conversion, `there is no element type "${name}"`);
  node.attributes.set('to', { type: 'int', value: BigInt(elementType) });
  return [node];
};

/** Pad called its amounts `paddings` in version 1. */
const padPaddings: Adapter = (node) => {
  const paddings = node.attributes.get('paddings');
  if (paddings) node.attributes.set('pads', paddings);
  node.attributes.delete('paddings');
  return [node];
};

/** Split took its sizes as an input in version 1. */
const splitAttribute: Adapter = (node, { scope, version }) => {
  const sizes = node.inputs[1];
  if (sizes === undefined) return [node];
  const constant = scope.constant(sizes);
  if (constant === undefined) return [node];
  node.attributes.set('split', { type: 'ints', value: BigInt64Array.from(numbersOf(constant), BigInt) });
  node.inputs.length = version > 1 ? 1 : node.inputs.length;
  return [node];
};

const tileRepeats: Adapter = (node, conversion) =>
  refuse(node, conversion, 'it repeats along one axis that an input names');

/**
 * Before version 7 the second operand broadcast only when told, its dimensions lined up from `axis` on. Now they line up
 * from the last, so a constant gets ones behind its dimensions, and any other value an Unsqueeze in front.
 */
const legacyBroadcast: Adapter = (node, conversion) => {
  const axis = intAttribute(node, 'axis');
  const broadcasts = intAttribute(node, 'broadcast') === 1;
  for (const name of ['axis', 'broadcast', 'consumed_inputs']) node.attributes.delete(name);
  const [left = '', right = ''] = node.inputs;
  if (!broadcasts || axis === undefined) return [node];
  const ranks = { left: conversion.shapeOf(left)?.length, right: conversion.shapeOf(right)?.length };
  if (ranks.left === undefined || ranks.right === undefined)
    return refuse(
      node,
      conversion,
      `it broadcasts from axis ${axis} on and the ranks of its inputs are not known`,
    );
  const start = axis < 0 ? axis + ranks.left : axis;
  const missing = ranks.left - start - ranks.right;
  if (missing < 0) return refuse(node, conversion, `its second input does not fit behind axis ${axis}`);
  return missing === 0 ? [node] : appendAxes(node, conversion, ranks.right, missing);
};

/** Gives the second input of a node `count` more dimensions of size one behind the `rank` it has. */
function appendAxes(node: Node, conversion: Conversion, rank: number, count: number): Node[] {
  const { scope, names } = conversion;
  const [left = '', right = ''] = node.inputs;
  const constant = scope.constant(right);
  const output = names.fresh(`${right}_unsqueezed`);
  node.inputs = [left, output];
  if (constant) {
    scope.add({
      ...constant,
      name: output,
      dims: [...constant.dims, ...Array.from({ length: count }, () => 1)],
    });
    return [node];
  }
  const axes = Array.from({ length: count }, (_, index) => rank + index);
  const unsqueeze: Node = { ...node, name: output, opType: 'Unsqueeze', inputs: [right], outputs: [output] };
  return [{ ...unsqueeze, attributes: createAttributes({ axes }), metadata: new Map() }, node];
}

/** PRelu lined a slope per channel up with axis 1 before version 7, and with the last axis since. */
const preluSlope: Adapter = (node, conversion) => {
  node.attributes.delete('consumed_inputs');
  const slopeRank = conversion.shapeOf(node.inputs[1])?.length;
  const slope = conversion.scope.constant(node.inputs[1]);
  if (slope?.dims.every((dim) => dim === 1)) return [node];
  const rank = conversion.shapeOf(node.inputs[0])?.length;
  if (rank === undefined || slopeRank === undefined)
    return refuse(node, conversion, 'the ranks of its inputs are not known');
  return slopeRank === 1 && rank > 2 ? appendAxes(node, conversion, 1, rank - 2) : [node];
};

/** Upsample named its factors one by one in version 1. */
const upsampleScales: Adapter = (node, conversion) => {
  const height = node.attributes.get('height_scale');
  const width = node.attributes.get('width_scale');
  if (height?.type === 'float' && width?.type === 'float')
    node.attributes.set('scales', {
      type: 'floats',
      value: Float32Array.of(1, 1, height.value, width.value),
    });
  else if (!node.attributes.has('scales')) refuse(node, conversion, 'it has no scales');
  node.attributes.delete('height_scale');
  node.attributes.delete('width_scale');
  return [node];
};

const batchNorm9: Adapter = (node, conversion) => {
  if (intAttribute(node, 'spatial') === 0)
    refuse(node, conversion, 'it normalizes every element by itself (spatial = 0)');
  return dropping('spatial')(node, conversion);
};

const upsampleInput: Adapter = (node, { scope, names }) => {
  const scales = node.attributes.get('scales');
  if (scales?.type === 'floats') {
    const name = names.fresh(`${node.outputs[0]}_scales`);
    scope.add(createConstant(name, elementTypes.FLOAT, [scales.value.length], scales.value.slice()));
    node.inputs[1] = name;
  }
  node.attributes.delete('scales');
  return [node];
};

const slice10: Adapter = (node, conversion) => {
  const starts = intsAttribute(node, 'starts') ?? [];
  const axes = intsAttribute(node, 'axes') ?? starts.map((_, axis) => axis);
  node.attributes.set('axes', { type: 'ints', value: BigInt64Array.from(axes, BigInt) });
  for (const [index, name] of ['starts', 'ends', 'axes'].entries()) {
    const attribute = node.attributes.get(name);
    if (attribute?.type !== 'ints') return refuse(node, conversion, `it has no ${name}`);
    node.inputs[index + 1] = addInts(conversion, `${node.outputs[0]}_${name}`, attribute.value.slice());
    node.attributes.delete(name);
  }
  return [node];
};

const dropMask: Adapter = (node, conversion) => {
  keepFirstOutput(node, conversion, 'its mask is used, which became a boolean');
  return [node];
};

const scan9: Adapter = (node, conversion) =>
  refuse(node, conversion, 'Scan of opset 8 had a batch axis of its own');

const unconsumed = dropping('consumed_inputs');
const broadcasting = ['Add', 'And', 'Div', 'Equal', 'Greater', 'Less', 'Mul', 'Or', 'Pow', 'Sub', 'Xor'];
const consuming = (
  'Abs Ceil Clip Dropout Elu Exp Floor HardSigmoid InstanceNormalization LeakyRelu Log Max Mean Min Neg Reciprocal Relu ' +
  'Selu Sigmoid Sqrt Sum Tanh BatchNormalization'
).split(' ');

/** What changed in operators up to opset 10 beyond the types that they take, by version and operator. */
export const earlyAdapters: Record<number, Record<string, Adapter>> = {
  2: { Pad: padPaddings, Split: splitAttribute },
  4: { Concat: concatAxis },
  5: { Reshape: intsToInput('shape', 1) },
  6: {
    Cast: castTarget,
    Tile: tileRepeats,
    ...Object.fromEntries(consuming.map((opType) => [opType, unconsumed])),
  },
  7: {
    ...Object.fromEntries(broadcasting.map((opType) => [opType, legacyBroadcast])),
    BatchNormalization: dropping('is_test', 'consumed_inputs'),
    Dropout: dropping('is_test'),
    Gemm: dropping('broadcast'),
    GRU: dropping('output_sequence'),
    LSTM: dropping('output_sequence'),
    PRelu: preluSlope,
    RNN: dropping('output_sequence'),
    Upsample: upsampleScales,
  },
  9: { BatchNormalization: batchNorm9, Scan: scan9, Upsample: upsampleInput },
  10: { Dropout: dropMask, Slice: slice10, TopK: intsToInput('k', 1) },
};
