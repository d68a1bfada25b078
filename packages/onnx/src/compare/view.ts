import { Uses } from '../graph/index.ts';
import { type Constant, type Graph, type Node, tensorAttribute } from '../model/index.ts';

/** Operators whose first output is another form of what they take first: quantization and edits put them between nodes. */
const passing: ReadonlySet<string> = new Set([
  'QuantizeLinear',
  'DequantizeLinear',
  'DynamicQuantizeLinear',
  'Cast',
  'Identity',
]);

/** More of them in a row, or a cycle, are not looked through: it bounds the time that a hostile model takes. */
const passedMax = 64;

/** Operators that multiply: the work they do, and where they take what is multiplied. */
const products = new Map([
  ['MatMul', { work: 'product', operands: [0, 1] }],
  ['Gemm', { work: 'product', operands: [0, 1] }],
  ['MatMulNBits', { work: 'product', operands: [0, 1] }],
  ['MatMulInteger', { work: 'product', operands: [0, 1] }],
  ['QLinearMatMul', { work: 'product', operands: [0, 3] }],
  ['Conv', { work: 'convolution', operands: [0, 1] }],
  ['ConvInteger', { work: 'convolution', operands: [0, 1] }],
  ['QLinearConv', { work: 'convolution', operands: [0, 3] }],
]);

/** What a node does, in one word for the operators that do it in different number formats. */
export function workOf({ opType }: Node): string {
  return products.get(opType)?.work ?? opType;
}

/**
 * The inputs that two nodes take in the same role, as pairs of positions: all where they are of one operator, else what
 * is multiplied.
 */
export function sameInputs(a: Node, b: Node): (readonly [number, number])[] {
  const [left, right] = [products.get(a.opType)?.operands, products.get(b.opType)?.operands];
  if (a.opType === b.opType || left === undefined || right === undefined)
    return Array.from({ length: Math.max(a.inputs.length, b.inputs.length) }, (_, slot) => [slot, slot]);
  return left.map((slot, index) => [slot, right[index] ?? slot]);
}

/** The inputs that make a node what it is: what is multiplied (a bias may be added apart), or all. */
export function operandsOf({ opType, inputs }: Node): string[] {
  return products.get(opType)?.operands.map((slot) => inputs[slot] ?? '') ?? [...inputs];
}

export function isPassing({ opType, domain }: Node): boolean {
  return passing.has(opType) && (domain === '' || domain === 'com.microsoft');
}

/** Where a value comes from, seen through nodes that only pass it on. */
export type Source =
  | { kind: 'node'; node: Node; output: number }
  | { kind: 'constant'; constant: Constant; through: readonly Node[] }
  | { kind: 'input'; position: number }
  /** From a graph around this one, or left out. */
  | { kind: 'outer'; name: string };

/** One graph as comparing sees it: constants are no nodes, and what only passes values on is looked through. */
export class GraphView {
  readonly graph: Graph;
  /** Without those that hold a constant. */
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, Constant>;
  readonly #uses: Uses;
  readonly #inputs: ReadonlyMap<string, number>;

  constructor(graph: Graph) {
    this.graph = graph;
    this.#uses = new Uses(graph);
    const constants = new Map(graph.initializers);
    for (const node of graph.nodes) {
      const constant = heldConstant(node);
      const [name = ''] = node.outputs;
      if (constant !== undefined) constants.set(name, { ...constant, name });
    }
    this.constants = constants;
    this.nodes = graph.nodes.filter((node) => heldConstant(node) === undefined);
    const given = graph.inputs.filter(({ name }) => !constants.has(name));
    this.#inputs = new Map(given.map(({ name }, position) => [name, position]));
  }

  consumers(value: string): readonly Node[] {
    return this.#uses.consumers(value);
  }

  source(value: string): Source {
    const through: Node[] = [];
    let name = value;
    for (let steps = 0; steps < passedMax; steps++) {
      const constant = this.constants.get(name);
      if (constant !== undefined) return { kind: 'constant', constant, through };
      const node = this.#uses.producer(name);
      if (node === undefined) break;
      if (!isPassing(node) || node.outputs[0] !== name)
        return { kind: 'node', node, output: node.outputs.indexOf(name) };
      through.push(node);
      name = node.inputs[0] ?? '';
    }
    const position = this.#inputs.get(name);
    return position === undefined ? { kind: 'outer', name } : { kind: 'input', position };
  }
}

/** What a Constant node holds as a tensor; its shorter forms are left to be nodes. */
function heldConstant(node: Node): Constant | undefined {
  return node.opType === 'Constant' && node.domain === '' ? tensorAttribute(node, 'value') : undefined;
}
