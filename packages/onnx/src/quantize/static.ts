import { CoveyError } from '@covey/protocol';
import { Names } from '../graph/index.ts';
import { type Constant, cloneModel, type Model, type Node } from '../model/index.ts';
import { ActivationScales, checkedRanges, type Ranges } from './activations.ts';
import { type Affine, type IntegerType, integerTypes, spanOf, type WeightType } from './affine.ts';
import type { IntegerRole } from './operators.ts';
import { raiseOpset } from './opset.ts';
import { biasIntegers, QdqWriter } from './qdq.ts';
import { channelAxis, clipBounds, dataInputs, type Region, regionOf } from './region.ts';
import { removeUnused } from './unused.ts';
import { finiteElements, type WeightScheme, weightAffines, weightIntegers } from './weights.ts';

export interface StaticOptions {
  activations: 'uint8' | 'int8';
  activationsSymmetric: boolean;
  weights: WeightType;
  weightsSymmetric: boolean;
  /** A scale for each output channel of a weight, which is then symmetric. */
  perChannel: boolean;
  /** Names of nodes that stay in fp32. */
  keep: ReadonlySet<string>;
}

/** Nodes of the main graph that static quantization computes on integers when none is kept, in order. */
export function quantizableNodes(model: Model): Node[] {
  return [...regionOf(model, new Set()).roles.keys()];
}

/**
 * The model with QuantizeLinear and DequantizeLinear around what ONNX Runtime computes on integers (QDQ form), weights
 * stored as integers of 8 bits, biases as int32. Inputs and outputs stay as they are. `ranges` come from `calibrate`.
 * Errors: INVALID_ARGUMENT (a range is missing or senseless; int8 activations with uint8 weights, which no runtime
 * computes), MODEL_UNSUPPORTED (an opset without the operators), MODEL_INVALID (a weight that is not finite).
 */
export function quantizeStatic(model: Model, ranges: Ranges, options: StaticOptions): Model {
  if (options.activations === 'int8' && options.weights === 'uint8')
    throw new CoveyError('INVALID_ARGUMENT', 'int8 activations need int8 weights');
  const result = cloneModel(model);
  raiseOpset(result, 13);
  new StaticQuantizer(result, ranges, options).apply();
  return result;
}

/** The bias of a node may be at most this many of its units, so that int32 has room for the products it is added to. */
const largestBias = 2 ** 30;

class StaticQuantizer {
  readonly #model: Model;
  readonly #options: StaticOptions;
  readonly #type: IntegerType;
  readonly #region: Region;
  readonly #scales: ActivationScales;
  readonly #writer: QdqWriter;
  readonly #nodes: Node[] = [];
  /** Relu and Clip nodes that saturation does the work of. */
  readonly #redundant = new Set<Node>();
  /** What nodes of the region take for a value: what DequantizeLinear gives. */
  readonly #dequantized = new Map<string, string>();
  /** The same for weights, by all that makes them differ. */
  readonly #weights = new Map<string, string>();
  readonly #replaced = new Set<string>();

  constructor(model: Model, ranges: Ranges, options: StaticOptions) {
    this.#model = model;
    this.#options = options;
    this.#type = integerTypes[options.activations];
    this.#region = regionOf(model, options.keep);
    const { activationsSymmetric } = options;
    this.#scales = new ActivationScales(
      this.#region,
      checkedRanges(ranges),
      this.#type,
      activationsSymmetric,
    );
    this.#writer = new QdqWriter(new Names(model), model.graph);
  }

  apply(): void {
    const { graph } = this.#model;
    for (const node of graph.nodes) {
      const role = this.#region.roles.get(node);
      if (role !== undefined) this.#quantizeNode(node, role);
      else if (!this.#redundant.has(node)) this.#nodes.push(node);
    }
    graph.nodes = this.#nodes;
    removeUnused(graph, this.#replaced);
  }

  #quantizeNode(node: Node, role: IntegerRole): void {
    const inputs = [...node.inputs];
    const taken = role === 'weighted' ? 1 : dataInputs(node).length;
    for (let i = 0; i < taken; i++) inputs[i] = this.#takenAs(inputs[i] ?? '');
    const target = { ...node, inputs, outputs: [...node.outputs] };
    if (role === 'weighted') this.#quantizeWeights(node, target);
    this.#nodes.push(target);
    if (!this.#givesReals(node)) this.#quantizeOutputs(node, target);
  }

  /** The dequantized form of a value; made where the first node asks for it. */
  #takenAs(value: string): string {
    const known = this.#dequantized.get(value);
    if (known !== undefined) return known;
    const constant = this.#region.constants.get(value);
    const name = constant ? this.#operand(constant) : this.#writer.fresh(`${value}_dq`);
    if (!constant)
      this.#nodes.push(...this.#writer.roundTrip(value, name, this.#scales.of(value), this.#type));
    this.#dequantized.set(value, name);
    return name;
  }

  /** A constant among activations is stored as they are. */
  #operand(constant: Constant): string {
    const scheme = { type: this.#type, symmetric: this.#options.activationsSymmetric, axis: undefined };
    const affines = weightAffines(constant, scheme);
    const integers = weightIntegers(constant, affines, scheme);
    return this.#store(constant, integers, affines, scheme);
  }

  #quantizeWeights(node: Node, target: Node): void {
    const [input = '', weightName = '', biasName = ''] = node.inputs;
    const weight = this.#constant(weightName);
    const outputAxis = channelAxis(node, weight);
    const axis = this.#options.perChannel ? outputAxis : undefined;
    const scheme = {
      type: integerTypes[this.#options.weights],
      symmetric: this.#options.weightsSymmetric,
      axis,
    };
    const { scale } = this.#scales.of(input);
    const bias = biasName === '' ? undefined : this.#bias(biasName, weight.dims[outputAxis ?? 0] ?? 1);
    const affines = weightAffines(weight, scheme);
    if (bias) makeRoom(affines, bias, scale);
    target.inputs[1] = this.#weight(weight, scheme, affines);
    if (bias) target.inputs[2] = this.#biasOf(biasName, bias, affines, scale);
  }

  /** A weight as stored integers; nodes that share it share them, unless a bias made their scales differ. */
  #weight(weight: Constant, scheme: WeightScheme, affines: readonly Affine[]): string {
    const key = `${scheme.axis} ${affines.map(({ scale }) => scale).join()} ${weight.name}`;
    const known = this.#weights.get(key);
    if (known !== undefined) return known;
    const stored = this.#store(weight, weightIntegers(weight, affines, scheme), affines, scheme);
    this.#weights.set(key, stored);
    return stored;
  }

  /** The numbers of a bias, one for each channel. */
  #bias(name: string, channels: number): Float32Array {
    const bias = finiteElements(this.#constant(name));
    return bias.length === channels ? bias : new Float32Array(channels).fill(bias[0] ?? 0);
  }

  #biasOf(name: string, bias: Float32Array, weights: readonly Affine[], inputScale: number): string {
    const scales = weights.map(({ scale }) => Math.fround(scale * inputScale));
    const output = this.#dequantizedName(name);
    this.#nodes.push(this.#writer.storedBias(name, biasIntegers(bias, scales), scales, output));
    return output;
  }

  #store(
    constant: Constant,
    integers: Int8Array | Uint8Array,
    affines: readonly Affine[],
    scheme: WeightScheme,
  ): string {
    const output = this.#dequantizedName(constant.name);
    this.#nodes.push(this.#writer.stored(constant, integers, affines, scheme, output));
    return output;
  }

  /** What DequantizeLinear gives has the name of the constant it replaces, where only one node takes that. */
  #dequantizedName(constant: string): string {
    const { uses } = this.#region;
    this.#replaced.add(constant);
    if (uses.consumers(constant).length > 1 || uses.isOutput(constant))
      return this.#writer.fresh(`${constant}_dq`);
    this.#model.graph.initializers.delete(constant);
    return constant;
  }

  #constant(name: string): Constant {
    const constant = this.#region.constants.get(name);
    if (constant === undefined) throw new CoveyError('INTERNAL', `"${name}" is no constant`);
    return constant;
  }

  /** Whether ONNX Runtime may give real numbers straight from the products, since nobody behind takes integers. */
  #givesReals(node: Node): boolean {
    if (node.opType !== 'Gemm' && node.opType !== 'MatMul') return false;
    const { clips, roles, uses } = this.#region;
    const { outputs } = clips.get(node) ?? node;
    return !outputs.some((output) => uses.consumers(output).some((taker) => roles.has(taker)));
  }

  /**
   * What a node gives goes to integers under a new name and comes back under the old one, which everybody behind keeps
   * using: other nodes, subgraphs and the model's outputs.
   */
  #quantizeOutputs(node: Node, target: Node): void {
    const clip = this.#region.clips.get(node);
    for (const [i, output] of node.outputs.entries()) {
      if (output === '') continue;
      const affine = this.#scales.of(clip?.outputs[0] ?? output);
      const redundant = clip !== undefined && this.#isRedundant(clip, affine);
      if (redundant) this.#redundant.add(clip);
      const given = redundant ? (clip.outputs[0] ?? output) : output;
      const raw = this.#writer.fresh(`${given}_raw`);
      target.outputs[i] = raw;
      this.#nodes.push(...this.#writer.roundTrip(raw, given, affine, this.#type));
      this.#dequantized.set(given, given);
    }
  }

  /** Whether no integer stands for a number outside of the bounds, so that saturation alone keeps to them. */
  #isRedundant(clip: Node, affine: Affine): boolean {
    const bounds = clipBounds(clip, this.#region.constants);
    if (bounds === undefined) return false;
    const span = spanOf(affine, this.#type);
    const tolerance = affine.scale * 1e-3;
    return span.min >= bounds.min - tolerance && span.max <= bounds.max + tolerance;
  }
}

/** Widens scales of weights until int32 holds the bias beside the products that it is added to. */
function makeRoom(weights: Affine[], bias: Float32Array, inputScale: number): void {
  for (const [i, value] of bias.entries()) {
    const affine = weights[weights.length === 1 ? 0 : i];
    const least = Math.fround(Math.abs(value) / (largestBias * inputScale));
    if (affine && affine.scale < least) affine.scale = least;
  }
}
