import {
  type Constant,
  createConstant,
  elementsOf,
  elementTypes,
  floatAttribute,
  intAttribute,
  type Node,
  numbersOf,
} from '../../model/index.ts';
import { isOnnx, type Scope } from '../scope.ts';
import type { Affine, ChannelLayout } from './affine.ts';

/** A node that multiplies by constant weights, each of which belongs to one output channel. */
export interface Linear {
  node: Node;
  weights: Constant;
  layout: ChannelLayout;
  /** The output channel of the weight at this index. */
  channelOf(index: number): number;
  /** What the node adds per channel now, its own factor included; undefined where it cannot add. */
  bias: number[] | undefined;
}

/** `node` as a linear one, if its weights (and bias) are constants of a floating-point type. */
export function linearOf(node: Node, scope: Scope): Linear | undefined {
  const weights = scope.constant(node.inputs[1]);
  if (weights === undefined || !isFloat(weights.elementType) || weights.data.kind !== 'raw') return undefined;
  if (isOnnx(node, 'Conv', 'ConvTranspose')) return convolution(node, weights, scope);
  if (isOnnx(node, 'Gemm')) return gemm(node, weights, scope);
  if (isOnnx(node, 'MatMul')) return matMul(node, weights);
  return undefined;
}

function isFloat(elementType: number): boolean {
  return [elementTypes.FLOAT, elementTypes.DOUBLE, elementTypes.FLOAT16].some((type) => type === elementType);
}

function convolution(node: Node, weights: Constant, scope: Scope): Linear | undefined {
  const { dims } = weights;
  const [first, second] = dims;
  if (first === undefined || second === undefined || dims.length < 3) return undefined;
  const group = intAttribute(node, 'group') ?? 1;
  const transposed = node.opType === 'ConvTranspose';
  const channels = transposed ? second * group : first;
  const kernelSize = dims.slice(2).reduce((product, dim) => product * dim, 1);
  const bias = biasOf(node, channels, 1, scope);
  if (group < 1 || first % group !== 0 || bias === undefined) return undefined;
  // Weights are [outputs, inputs / group, ...kernel], transposed ones [inputs, outputs / group, ...kernel].
  const channelOf = (index: number) => {
    const row = Math.floor(index / (second * kernelSize));
    if (!transposed) return row;
    return Math.floor(row / (first / group)) * second + (Math.floor(index / kernelSize) % second);
  };
  return {
    node,
    weights,
    bias,
    channelOf,
    layout: { channels, rank: dims.length, axisFromEnd: dims.length - 2 },
  };
}

function gemm(node: Node, weights: Constant, scope: Scope): Linear | undefined {
  const [rows, columns] = weights.dims;
  if (rows === undefined || columns === undefined || node.attributes.has('broadcast')) return undefined;
  const transposed = intAttribute(node, 'transB') === 1;
  const channels = transposed ? rows : columns;
  const bias = biasOf(node, channels, floatAttribute(node, 'beta') ?? 1, scope);
  if (bias === undefined) return undefined;
  const channelOf = (index: number) => (transposed ? Math.floor(index / columns) : index % columns);
  return { node, weights, bias, channelOf, layout: { channels, rank: 2, axisFromEnd: 0 } };
}

function matMul(node: Node, weights: Constant): Linear | undefined {
  const columns = weights.dims[1];
  if (weights.dims.length !== 2 || columns === undefined) return undefined;
  const layout = { channels: columns, rank: undefined, axisFromEnd: 0 };
  return { node, weights, bias: undefined, channelOf: (index) => index % columns, layout };
}

/** The third input as one number per channel, zeros where there is none; undefined where it is anything else. */
function biasOf(node: Node, channels: number, factor: number, scope: Scope): number[] | undefined {
  const name = node.inputs[2] ?? '';
  if (name === '') return Array.from({ length: channels }, () => 0);
  const constant = scope.constant(name);
  const last = constant?.dims.at(-1) ?? 1;
  if (constant === undefined || constant.dims.slice(0, -1).some((dim) => dim !== 1)) return undefined;
  const numbers = numbersOf(constant);
  if (last !== 1 && last !== channels) return undefined;
  return Array.from({ length: channels }, (_, channel) => factor * (numbers[last === 1 ? 0 : channel] ?? 0));
}

/** The weights after `affine`, under `name`; undefined where one would no longer be a number of the element type. */
export function scaledWeights(linear: Linear, affine: Affine, name: string): Constant | undefined {
  const { weights, channelOf } = linear;
  const scaled = elementsOf(weights).slice() as Float32Array | Float64Array | Float16Array;
  for (let index = 0; index < scaled.length; index++) {
    const before = scaled[index] ?? 0;
    scaled[index] = before * (affine.scale[channelOf(index)] ?? 1);
    if (Number.isFinite(before) && !Number.isFinite(scaled[index])) return undefined;
  }
  return createConstant(name, weights.elementType, weights.dims, scaled);
}

/** A vector of the element type of `like`; undefined where a number does not fit it. */
export function vectorConstant(
  name: string,
  like: Constant,
  numbers: readonly number[],
): Constant | undefined {
  const elements = vectorElements(like.elementType, numbers);
  if (!elements.every(Number.isFinite)) return undefined;
  return createConstant(name, like.elementType, [numbers.length], elements);
}

function vectorElements(
  elementType: number,
  numbers: readonly number[],
): Float32Array | Float64Array | Float16Array {
  if (elementType === elementTypes.DOUBLE) return Float64Array.from(numbers);
  return elementType === elementTypes.FLOAT16 ? Float16Array.from(numbers) : Float32Array.from(numbers);
}
