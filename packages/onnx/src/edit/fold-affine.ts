import { Names, Uses } from '../graph/index.ts';
import type { Graph, Node } from '../model/index.ts';
import { type Affine, affineOf } from './affine/affine.ts';
import { type Linear, linearOf, scaledWeights, vectorConstant } from './affine/linear.ts';
import type { Pass } from './pass.ts';
import { isOnnx, type Scope, scopesOf } from './scope.ts';

/**
 * Folds what follows a convolution, Gemm or MatMul and only scales and shifts each channel (batch normalization, Mul,
 * Add, Sub, Div by constants) into its weights and bias. Weights that other nodes share are copied first.
 */
export const foldAffine: Pass = {
  name: 'fold-affine',
  summary:
    'folds batch normalization, and Mul, Add, Sub and Div per channel, into Conv, ConvTranspose, Gemm and MatMul',
  apply(model) {
    const names = new Names(model);
    let changes = 0;
    for (const scope of scopesOf(model)) changes += new Folding(scope, names).run();
    return changes;
  },
};

class Folding {
  readonly #scope: Scope;
  readonly #graph: Graph;
  readonly #names: Names;
  readonly #uses: Uses;
  /** Nodes that give a value since the edits made here; `uses` knows those before. */
  readonly #producers = new Map<string, Node>();
  readonly #dropped = new Set<Node>();
  /** Constants made here, which no other node can know. */
  readonly #made = new Set<string>();

  constructor(scope: Scope, names: Names) {
    this.#scope = scope;
    this.#graph = scope.graph;
    this.#names = names;
    this.#uses = new Uses(scope.graph);
  }

  run(): number {
    for (const node of this.#graph.nodes) this.#foldInto(node);
    this.#graph.nodes = this.#graph.nodes.filter((node) => !this.#dropped.has(node));
    return this.#dropped.size;
  }

  #foldInto(node: Node): void {
    if (!isOnnx(node, 'BatchNormalization', 'Mul', 'Add', 'Sub', 'Div')) return;
    for (const input of node.inputs) {
      const producer = this.#producers.get(input) ?? this.#uses.producer(input);
      const linear = producer && linearOf(producer, this.#scope);
      if (linear === undefined || this.#uses.isOutput(input) || this.#uses.consumers(input).length !== 1)
        continue;
      const affine = affineOf(node, input, linear.layout, this.#scope);
      if (affine && this.#merge(linear, affine)) this.#replace(linear.node, node);
      if (this.#dropped.has(node)) return;
    }
  }

  /** Whether the weights and bias could take the affine; they have then. */
  #merge(linear: Linear, affine: Affine): boolean {
    const { node, weights, bias } = linear;
    const [input = '', weightsName = '', biasName = ''] = node.inputs;
    const shifts = affine.shift.some((value) => value !== 0);
    if (bias === undefined && shifts) return false;
    const scaled = scaledWeights(linear, affine, this.#nameFor(weightsName, node));
    const before = bias ?? [];
    const shifted = before.map(
      (value, channel) => value * (affine.scale[channel] ?? 1) + (affine.shift[channel] ?? 0),
    );
    const hasBias = biasName !== '' || (bias !== undefined && shifts);
    const wanted = this.#nameFor(biasName, node);
    const newBias = hasBias ? vectorConstant(wanted, weights, shifted) : undefined;
    if (scaled === undefined || (hasBias && newBias === undefined)) return false;
    this.#scope.add(scaled);
    if (newBias) this.#scope.add(newBias);
    node.inputs = [input, scaled.name, ...(newBias ? [newBias.name] : [])];
    // The bias has its factor inside now.
    if (newBias && node.opType === 'Gemm') node.attributes.delete('beta');
    return true;
  }

  /** The name to put a new constant under: the old one's where only this node has it and it lies in this graph. */
  #nameFor(name: string, node: Node): string {
    const isOwn =
      this.#graph.initializers.has(name) &&
      !this.#uses.isOutput(name) &&
      this.#uses.consumers(name).length === 1 &&
      node.inputs.indexOf(name) === node.inputs.lastIndexOf(name);
    if (isOwn || this.#made.has(name)) return name;
    const fresh = this.#names.fresh(name === '' ? `${node.outputs[0]}_bias` : `${name}_folded`);
    this.#made.add(fresh);
    return fresh;
  }

  #replace(linear: Node, affine: Node): void {
    const output = affine.outputs[0] ?? '';
    linear.outputs = [output];
    this.#producers.set(output, linear);
    this.#dropped.add(affine);
  }
}
