import { isOnnx, scopesOf } from '../edit/index.ts';
import { Names } from '../graph/index.ts';
import {
  type Constant,
  cloneModel,
  createConstant,
  createNode,
  elementTypes,
  intAttribute,
  type Model,
  type Node,
} from '../model/index.ts';
import { integerTypes } from './affine.ts';
import { checkBlockSize, packNibbles, quantizeBlocks } from './blocks.ts';
import { type Place, storedEmbedding, storedOnce } from './embedding.ts';
import { microsoft, raiseOpset, useMicrosoft } from './opset.ts';
import { QdqWriter } from './qdq.ts';
import { isPlainGemm, namedAs, replaceNodes } from './replace.ts';
import { removeUnusedEverywhere } from './unused.ts';
import { floatWeight, smallestWeight, transposed, weightAffines, weightIntegers } from './weights.ts';

export interface WeightOptions {
  bits: 4 | 8;
  /** Elements in a row that share a scale: 16, 32, 64, 128 or 256. */
  blockSize: number;
  /**
   * Products by ONNX Runtime's MatMulNBits, or by DequantizeLinear of opset 21 before the node as it is. Weights of other
   * nodes are stored as int8 before DequantizeLinear, a scale for each output channel.
   */
  form: 'matmul-nbits' | 'blocked';
  symmetric: boolean;
  /** Names of nodes that stay in fp32. */
  keep: ReadonlySet<string>;
}

/**
 * The model with its weights stored in integers and computing in fp32: for what is bound by memory, and for WebGPU, which
 * has no operators on integers. Subgraphs too. Errors: INVALID_ARGUMENT (block size), MODEL_UNSUPPORTED (an opset without
 * the operators), MODEL_INVALID (a weight that is not finite).
 */
export function quantizeWeights(model: Model, options: WeightOptions): Model {
  checkBlockSize(options.blockSize);
  const result = cloneModel(model);
  raiseOpset(result, options.form === 'blocked' ? 21 : 13);
  const names = new Names(result);
  const replaced = new Set<string>();
  for (const scope of scopesOf(result)) {
    const place = { scope, writer: new QdqWriter(names, scope.graph), replaced, stored: new Map() };
    replaceNodes(scope.graph, options.keep, (node) => storedWeights(result, node, place, options));
  }
  removeUnusedEverywhere(result, replaced);
  return result;
}

/** Inputs with weights, and the axis of their output channels. */
const channelled: Record<string, { inputs: readonly number[]; axis: number }> = {
  Conv: { inputs: [1], axis: 0 },
  ConvTranspose: { inputs: [1], axis: 1 },
  LSTM: { inputs: [1, 2], axis: 1 },
  GRU: { inputs: [1, 2], axis: 1 },
  RNN: { inputs: [1, 2], axis: 1 },
};

function storedWeights(model: Model, node: Node, place: Place, options: WeightOptions): Node[] | undefined {
  if (!isOnnx(node)) return undefined;
  if (node.opType === 'Gather') return storedEmbedding(node, place);
  const isProduct = node.opType === 'MatMul' || (node.opType === 'Gemm' && isPlainGemm(node));
  const found = channelled[node.opType];
  if (!isProduct && !found) return undefined;
  const nodes: Node[] = [];
  const inputs = [...node.inputs];
  for (const input of found?.inputs ?? [1]) {
    const weight = floatWeight(place.scope, node, input);
    if (!weight || weight.dims.reduce((a, b) => a * b, 1) < smallestWeight) continue;
    if (isProduct && options.form === 'matmul-nbits') {
      if (weight.dims.length !== 2) continue;
      useMicrosoft(model);
      return matMulNBits(node, weight, place, options);
    }
    const axis = found ? found.axis : summedAxis(node, weight);
    const [output = ''] = storedOnce(place, weight, `axis ${axis}`, () => {
      const stored = found ? perChannel(weight, axis, place) : blocked(weight, axis, place, options);
      nodes.push(stored);
      return stored.outputs;
    });
    place.replaced.add(weight.name);
    inputs[input] = output;
  }
  return inputs.every((name, i) => name === node.inputs[i]) ? undefined : [...nodes, { ...node, inputs }];
}

function perChannel(weight: Constant, axis: number, { writer }: Place): Node {
  const scheme = { type: integerTypes.int8, symmetric: true, axis };
  const affines = weightAffines(weight, scheme);
  const output = writer.fresh(`${weight.name}_dq`);
  return writer.stored(weight, weightIntegers(weight, affines, scheme), affines, scheme, output);
}

/** The axis of its weight that a product sums over. */
function summedAxis(node: Node, weight: Constant): number {
  return intAttribute(node, 'transB') === 1 ? 1 : weight.dims.length - 2;
}

/** DequantizeLinear with a scale for each block along the axis. */
function blocked(weight: Constant, axis: number, { writer }: Place, options: WeightOptions): Node {
  const { bits, blockSize, symmetric } = options;
  const type = integerTypes[`${symmetric ? '' : 'u'}int${bits}`];
  const { codes, affines, dims } = quantizeBlocks(weight, axis, blockSize, type, symmetric);
  const zeroPoints = Uint8Array.from(affines, ({ zeroPoint }) => zeroPoint);
  const packed = (values: Uint8Array) => (bits === 4 ? packNibbles(values) : values);
  const { name } = weight;
  const inputs = [
    writer.constant(createConstant(`${name}_q`, type.elementType, weight.dims, packed(codes))),
    writer.floats(
      `${name}_scale`,
      dims,
      affines.map(({ scale }) => scale),
    ),
  ];
  if (!symmetric)
    inputs.push(writer.constant(createConstant(`${name}_zero`, type.elementType, dims, packed(zeroPoints))));
  return createNode('DequantizeLinear', inputs, [writer.fresh(`${name}_dq`)], {
    axis,
    block_size: blockSize,
  });
}

/** ONNX Runtime's MatMulNBits, and Add where the product had a bias. */
function matMulNBits(node: Node, weight: Constant, place: Place, options: WeightOptions): Node[] {
  const { writer, replaced } = place;
  const { bits, blockSize } = options;
  const axis = summedAxis(node, weight);
  const [n = 0, k = 0] = axis === 1 ? weight.dims : weight.dims.toReversed();
  const [input = '', , bias = ''] = node.inputs;
  const stored = storedOnce(place, weight, `columns ${axis}`, () =>
    columnBlocks(axis === 1 ? weight : transposed(weight), place, options),
  );
  const inputs = [input, ...stored];
  replaced.add(weight.name);
  const [output = ''] = node.outputs;
  const product = bias === '' ? output : writer.fresh(`${output}_product`);
  const attributes = { K: k, N: n, bits, block_size: blockSize, accuracy_level: accuracyLevel };
  const nodes = [createNode('MatMulNBits', inputs, [product], attributes, microsoft)];
  if (bias !== '') nodes.push(createNode('Add', [product, bias], [output]));
  return namedAs(node, nodes);
}

/**
 * Constants of a weight [N, K]: codes as [N, blocks of K, bytes of a block], filled up; scales as [N, blocks]; zero
 * points packed likewise, each column on whole bytes, left out where they are the middle (ContribOperators.md).
 */
function columnBlocks(
  weight: Constant,
  { writer }: Place,
  { bits, blockSize, symmetric }: WeightOptions,
): string[] {
  const { name } = weight;
  const [n = 0, k = 0] = weight.dims;
  const { codes, affines } = quantizeBlocks(weight, 1, blockSize, integerTypes[`uint${bits}`], symmetric);
  const packed = (values: Uint8Array) => (bits === 4 ? packNibbles(values) : values);
  const count = Math.ceil(k / blockSize);
  const blocks = rowsPadded(codes, k, count * blockSize);
  const bytes = packed(blocks);
  const scales = affines.map(({ scale }) => scale);
  const constants = [
    writer.constant(
      createConstant(`${name}_q`, elementTypes.UINT8, [n, count, (blockSize * bits) / 8], bytes),
    ),
    writer.floats(`${name}_scale`, [n, count], scales),
  ];
  if (symmetric) return constants;
  const zeroPoints = Uint8Array.from(affines, ({ zeroPoint }) => zeroPoint);
  const zeros = packed(rowsPadded(zeroPoints, count, bits === 4 ? count + (count % 2) : count));
  constants.push(
    writer.constant(createConstant(`${name}_zero`, elementTypes.UINT8, [n, zeros.length / n], zeros)),
  );
  return constants;
}

/** Rows of `length` elements, each filled up with zeros. */
function rowsPadded(values: Uint8Array, length: number, paddedLength: number): Uint8Array {
  const rows = values.length / length;
  const padded = new Uint8Array(rows * paddedLength);
  for (let row = 0; row < rows; row++)
    padded.set(values.subarray(row * length, (row + 1) * length), row * paddedLength);
  return padded;
}

/** Activations are brought to int8 inside of the product where the processor gains by it (ContribOperators.md). */
const accuracyLevel = 4;
