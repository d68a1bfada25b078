import {
  elementTypes,
  floatAttribute,
  intAttribute,
  type Node,
  numbersOf,
  textAttribute,
} from '../../model/index.ts';
import {
  type Adapter,
  addFloats,
  addInts,
  type Conversion,
  helperNode,
  intsToInput,
  keepFirstOutput,
  refuse,
  setInput,
} from './adapter.ts';

/** Upsample is what Resize with two inputs is, and left in version 10. */
const upsampleToResize: Adapter = (node) => {
  node.opType = 'Resize';
  return [node];
};

/** Resize of version 10 lined up corners of pixels, and took the nearest below when growing, above when shrinking. */
const resize11: Adapter = (node, conversion) => {
  const [input = '', scales = ''] = node.inputs;
  const roi = addFloats(
    conversion,
    node,
    `${node.outputs[0]}_roi`,
    { dims: [0], elementType: elementTypes.FLOAT },
    [],
  );
  node.inputs = [input, roi, scales];
  node.attributes.set('coordinate_transformation_mode', textValue('asymmetric'));
  if ((textAttribute(node, 'mode') ?? 'nearest') !== 'nearest') return [node];
  const constant = conversion.scope.constant(scales);
  const factors = constant && numbersOf(constant);
  const grows = factors?.every((factor) => factor >= 1);
  if (!grows && !factors?.every((factor) => factor <= 1))
    return refuse(node, conversion, 'its scales are not known to all grow or all shrink');
  node.attributes.set('nearest_mode', textValue(grows ? 'floor' : 'ceil'));
  return [node];
};

function textValue(text: string): { type: 'string'; value: Uint8Array } {
  return { type: 'string', value: new TextEncoder().encode(text) };
}

const clip11: Adapter = (node, conversion) => {
  const elementType = conversion.elementTypeOf(node.inputs[0]);
  for (const [index, name] of ['min', 'max'].entries()) {
    const bound = floatAttribute(node, name);
    node.attributes.delete(name);
    if (bound === undefined) continue;
    const wanted = `${node.outputs[0]}_${name}`;
    setInput(node, index + 1, addFloats(conversion, node, wanted, { dims: [], elementType }, [bound]));
  }
  return [node];
};

const pad11: Adapter = (node, conversion) => {
  const value = floatAttribute(node, 'value') ?? 0;
  node.attributes.delete('value');
  const nodes = intsToInput('pads', 1)(node, conversion);
  if (value !== 0) {
    const elementType = conversion.elementTypeOf(node.inputs[0]);
    setInput(
      node,
      2,
      addFloats(conversion, node, `${node.outputs[0]}_value`, { dims: [], elementType }, [value]),
    );
  }
  return nodes;
};

const scatter11: Adapter = (node) => {
  node.opType = 'ScatterElements';
  return [node];
};

/** The ratio means nothing in inference, where Dropout passes its input on; but it is kept. */
const dropout12: Adapter = (node, conversion) => {
  const ratio = floatAttribute(node, 'ratio') ?? 0.5;
  node.attributes.delete('ratio');
  const type = { dims: [], elementType: elementTypes.FLOAT };
  setInput(node, 1, addFloats(conversion, node, `${node.outputs[0]}_ratio`, type, [ratio]));
  return [node];
};

/**
 * Softmax and its kin worked on the input flattened to two dimensions at `axis` (1 by default) before version 13, and work
 * along one axis since: the same where no axis of more than one element follows, else the flattening is written out.
 */
const softmax13: Adapter = (node, conversion) => {
  const [input = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const axis = intAttribute(node, 'axis') ?? 1;
  const shape = conversion.shapeOf(input);
  if (
    axis === -1 ||
    shape?.slice(axis < 0 ? axis + shape.length + 1 : axis + 1).every((size) => size === 1)
  ) {
    node.attributes.set('axis', { type: 'int', value: BigInt(axis) });
    return [node];
  }
  const flatten = helperNode(conversion, 'Flatten', [input], { axis });
  const sizes = helperNode(conversion, 'Shape', [input]);
  const flat = helperNode(conversion, node.opType, [flatten.output], { axis: -1 });
  const reshape: Node = {
    ...node,
    opType: 'Reshape',
    inputs: [flat.output, sizes.output],
    outputs: [output],
  };
  return [flatten.node, sizes.node, flat.node, { ...reshape, attributes: new Map() }];
};

/** Version 14 gives the running mean and variance only in training, which these graphs do not do. */
const batchNorm14: Adapter = (node, conversion) => {
  keepFirstOutput(node, conversion, 'it is one for training');
  return [node];
};

const roiAlign16: Adapter = (node) => {
  node.attributes.set('coordinate_transformation_mode', textValue('output_half_pixel'));
  return [node];
};

const split18: Adapter = (node) => {
  if ((node.inputs[1] ?? '') === '')
    node.attributes.set('num_outputs', { type: 'int', value: BigInt(node.outputs.length) });
  return [node];
};

const gridSample20: Adapter = (node) => {
  const mode = textAttribute(node, 'mode');
  if (mode === 'bilinear') node.attributes.set('mode', textValue('linear'));
  if (mode === 'bicubic') node.attributes.set('mode', textValue('cubic'));
  return [node];
};

const dft20: Adapter = (node, conversion) => {
  const axis = intAttribute(node, 'axis') ?? 1;
  node.attributes.delete('axis');
  setInput(node, 2, addScalar(conversion, `${node.outputs[0]}_axis`, axis));
  return [node];
};

function addScalar(conversion: Conversion, wanted: string, value: number): string {
  const name = addInts(conversion, wanted, BigInt64Array.of(BigInt(value)));
  const constant = conversion.scope.constant(name);
  if (constant) constant.dims = [];
  return name;
}

/** Scale and bias of GroupNormalization are per group before version 21 and per channel since. */
const groupNorm21: Adapter = (node, conversion) =>
  refuse(node, conversion, 'its scale and bias are per group, which later versions do not have');

const axesToInput = intsToInput('axes', 1);
const reductions =
  'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare'.split(
    ' ',
  );

/** What changed in operators from opset 10 on beyond the types that they take, by version and operator; nothing above 21. */
export const lateAdapters: Record<number, Record<string, Adapter>> = {
  10: { Upsample: upsampleToResize },
  11: { Clip: clip11, Pad: pad11, Resize: resize11, Scatter: scatter11 },
  12: { Dropout: dropout12 },
  13: {
    Hardmax: softmax13,
    LogSoftmax: softmax13,
    ReduceSum: axesToInput,
    Softmax: softmax13,
    Split: intsToInput('split', 1),
    Squeeze: axesToInput,
    Unsqueeze: axesToInput,
  },
  14: { BatchNormalization: batchNorm14 },
  16: { RoiAlign: roiAlign16 },
  18: { ...Object.fromEntries(reductions.map((opType) => [opType, axesToInput])), Split: split18 },
  20: { DFT: dft20, GridSample: gridSample20 },
  21: { GroupNormalization: groupNorm21 },
};
