import { isOnnx, scopesOf } from '../edit/index.ts';
import { Names } from '../graph/index.ts';
import {
  type Constant,
  cloneModel,
  createNode,
  elementTypes,
  intAttribute,
  type Model,
  type Node,
} from '../model/index.ts';
import { integerTypes, type WeightType } from './affine.ts';
import { type Place, storedEmbedding, storedOnce } from './embedding.ts';
import { quantizedLstm } from './lstm.ts';
import { raiseOpset, useMicrosoft } from './opset.ts';
import { QdqWriter } from './qdq.ts';
import { isPlainGemm, namedAs, replaceNodes } from './replace.ts';
import { removeUnusedEverywhere } from './unused.ts';
import { floatWeight, transposed, weightAffines, weightIntegers } from './weights.ts';

export interface DynamicOptions {
  weights: WeightType;
  /** A scale for each column of a weight, which is then symmetric. */
  perChannel: boolean;
  /** Names of nodes that stay in fp32. */
  keep: ReadonlySet<string>;
}

/**
 * The model with MatMul and Gemm on integers, whose activations get their scale at each run from the values themselves;
 * LSTM as ONNX Runtime's DynamicQuantizeLSTM; and embeddings (Gather of rows) stored as int8. Subgraphs too. No samples
 * are needed. Convolutions stay: converting their activations at each run costs more than integers save.
 * Errors: MODEL_UNSUPPORTED (an opset without the operators), MODEL_INVALID (a weight that is not finite).
 */
export function quantizeDynamic(model: Model, options: DynamicOptions): Model {
  const result = cloneModel(model);
  raiseOpset(result, 13);
  const names = new Names(result);
  const replaced = new Set<string>();
  for (const scope of scopesOf(result)) {
    const place = { scope, writer: new QdqWriter(names, scope.graph), replaced, stored: new Map() };
    const quantizer = new DynamicQuantizer(result, place, options);
    replaceNodes(scope.graph, options.keep, (node) => quantizer.replacement(node));
  }
  removeUnusedEverywhere(result, replaced);
  return result;
}

/** Quantizes the nodes of one graph. */
class DynamicQuantizer {
  readonly #model: Model;
  readonly #place: Place;
  readonly #options: DynamicOptions;
  /** Integers, scale and zero point of an activation, which nodes that take the same one share. */
  readonly #activations = new Map<string, readonly [string, string, string]>();

  constructor(model: Model, place: Place, options: DynamicOptions) {
    this.#model = model;
    this.#place = place;
    this.#options = options;
  }

  /** Undefined for a node that stays. */
  replacement(node: Node): Node[] | undefined {
    if (isOnnx(node, 'Gather')) return storedEmbedding(node, this.#place);
    if (isOnnx(node, 'LSTM')) return this.#lstm(node);
    const { scope } = this.#place;
    const weight = floatWeight(scope, node, 1);
    if (weight?.dims.length !== 2 || scope.constant(node.inputs[0])) return undefined;
    if (isOnnx(node, 'MatMul')) return this.#product(node, weight, weight);
    if (!isOnnx(node, 'Gemm') || !isPlainGemm(node)) return undefined;
    return this.#product(node, weight, intAttribute(node, 'transB') === 1 ? transposed(weight) : weight);
  }

  #lstm(node: Node): Node[] | undefined {
    const nodes = quantizedLstm(node, this.#options.weights, this.#place);
    if (nodes) useMicrosoft(this.#model);
    return nodes;
  }

  /** `matrix` is the weight as [K, N]. ONNX Runtime makes one operator of these nodes. */
  #product(node: Node, weight: Constant, matrix: Constant): Node[] {
    const [input = '', , bias = ''] = node.inputs;
    const [output = ''] = node.outputs;
    const [nodes, [integers, scale, zeroPoint]] = this.#activation(input);
    const form = weight === matrix ? 'matrix' : 'transposed';
    const [data = '', dataScale = '', dataZeroPoint = ''] = storedOnce(this.#place, weight, form, () =>
      this.#stored(matrix),
    );
    this.#place.replaced.add(weight.name);
    const name = (what: string) => this.#place.writer.fresh(`${output}_${what}`);
    const [products, reals, scales] = [name('i32'), name('cast'), name('scale')];
    const scaled = bias === '' ? output : name('scaled');
    nodes.push(
      createNode('MatMulInteger', [integers, data, zeroPoint, dataZeroPoint], [products]),
      createNode('Cast', [products], [reals], { to: elementTypes.FLOAT }),
      createNode('Mul', [scale, dataScale], [scales]),
      createNode('Mul', [reals, scales], [scaled]),
    );
    if (bias !== '') nodes.push(createNode('Add', [scaled, bias], [output]));
    return namedAs(node, nodes);
  }

  #stored(matrix: Constant): readonly string[] {
    const type = integerTypes[this.#options.weights];
    const scheme = { type, symmetric: type.min < 0, axis: this.#options.perChannel ? 1 : undefined };
    const affines = weightAffines(matrix, scheme);
    return this.#place.writer.integers(matrix, weightIntegers(matrix, affines, scheme), affines, scheme);
  }

  /** Integers, scale and zero point of an activation, with the nodes that the first who asks must put before its own. */
  #activation(value: string): [Node[], readonly [string, string, string]] {
    const known = this.#activations.get(value);
    if (known) return [[], known];
    const name = (what: string) => this.#place.writer.fresh(`${value}_${what}`);
    const made = [name('q'), name('scale'), name('zero')] as const;
    this.#activations.set(value, made);
    return [[createNode('DynamicQuantizeLinear', [value], made)], made];
  }
}
