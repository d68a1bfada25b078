import { type Constant, floatAttribute, intAttribute, type Node, numbersOf } from '../../model/index.ts';
import { isOnnx, type Scope } from '../scope.ts';

/** y = scale * x + shift, per channel; one number stands for every channel. */
export interface Affine {
  scale: number[];
  shift: number[];
}

/** Where the channels lie: output `channels` of a value of `rank` dimensions (undefined: not known) on axis `axis` from the end. */
export interface ChannelLayout {
  channels: number;
  rank: number | undefined;
  axisFromEnd: number;
}

/**
 * What `node` does to the value called `input`, where that is the same scale and shift for all of a channel, known now;
 * undefined for any other node.
 */
export function affineOf(node: Node, input: string, layout: ChannelLayout, scope: Scope): Affine | undefined {
  const affine = isOnnx(node, 'BatchNormalization')
    ? batchNorm(node, input, layout, scope)
    : arithmetic(node, input, layout, scope);
  return affine && [...affine.scale, ...affine.shift].every(Number.isFinite) ? affine : undefined;
}

/** scale * (x - mean) / sqrt(variance + epsilon) + bias (ONNX BatchNormalization, inference). */
function batchNorm(node: Node, input: string, layout: ChannelLayout, scope: Scope): Affine | undefined {
  if (node.inputs[0] !== input || layout.rank !== layout.axisFromEnd + 2) return undefined;
  const training = intAttribute(node, 'training_mode') === 1 || intAttribute(node, 'spatial') === 0;
  if (training || node.outputs.slice(1).some((output) => output !== '')) return undefined;
  const parameters = node.inputs.slice(1, 5).map((name) => scope.constant(name));
  const numbers = parameters.map((constant) => vectorOf(constant, layout.channels));
  const [gamma, beta, mean, variance] = numbers;
  if (!gamma || !beta || !mean || !variance) return undefined;
  const epsilon = floatAttribute(node, 'epsilon') ?? 1e-5;
  const scale = gamma.map((value, channel) => value / Math.sqrt((variance[channel] ?? 0) + epsilon));
  const shift = beta.map((value, channel) => value - (mean[channel] ?? 0) * (scale[channel] ?? 0));
  return { scale, shift };
}

function vectorOf(constant: Constant | undefined, length: number): number[] | undefined {
  if (constant?.dims.length !== 1 || constant.dims[0] !== length) return undefined;
  return numbersOf(constant);
}

function arithmetic(node: Node, input: string, layout: ChannelLayout, scope: Scope): Affine | undefined {
  const [left, right] = node.inputs;
  // `axis` and `broadcast` are the broadcasting of opset 6 and older.
  if (!isOnnx(node, 'Mul', 'Add', 'Sub', 'Div') || left === right || node.attributes.size > 0)
    return undefined;
  const isLeft = left === input;
  const constant = scope.constant(isLeft ? right : left);
  const values = constant && perChannel(constant, layout);
  if (values === undefined) return undefined;
  const zeros = values.map(() => 0);
  const ones = values.map(() => 1);
  switch (node.opType) {
    case 'Mul':
      return { scale: values, shift: zeros };
    case 'Add':
      return { scale: ones, shift: values };
    case 'Sub':
      return isLeft
        ? { scale: ones, shift: values.map((value) => -value) }
        : { scale: values.map(() => -1), shift: values };
    default:
      return isLeft ? { scale: values.map((value) => 1 / value), shift: zeros } : undefined;
  }
}

/** The numbers of a constant that broadcasts along every axis but the channels', without adding dimensions. */
function perChannel(
  constant: Constant,
  { channels, rank, axisFromEnd }: ChannelLayout,
): number[] | undefined {
  const { dims } = constant;
  if (dims.length > (rank ?? axisFromEnd + 1)) return undefined;
  const channelAxis = dims.length - 1 - axisFromEnd;
  const isPerChannel = dims.every((dim, axis) => dim === 1 || (axis === channelAxis && dim === channels));
  if (!isPerChannel) return undefined;
  const numbers = numbersOf(constant);
  const [first] = numbers;
  if (first === undefined) return undefined;
  return numbers.length === channels ? numbers : Array.from({ length: channels }, () => first);
}
