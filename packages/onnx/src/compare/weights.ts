import { type Constant, elementTypeName, intAttribute, type Node } from '../model/index.ts';
import { dequantize, dequantizeNBits, type Scaling, storedNumbers } from './dequantize.ts';
import { sameBytes } from './equality.ts';
import { numberSums, type OutputError, outputError } from './errors.ts';
import { type GraphView, sameInputs } from './view.ts';

/** A tensor of the first model and the one in its place in the second. */
export interface WeightComparison {
  name: string;
  counterpart: string;
  /** `FLOAT[64,3,3,3]`: as they are stored. */
  before: string;
  after: string;
  /** `quantized`: other numbers stand for those of before; `reshaped`: the shape is another; `unreadable`: no numbers to compare. */
  change: 'none' | 'values' | 'quantized' | 'reshaped' | 'unreadable';
  /** Of the numbers they stand for. */
  error?: Omit<OutputError, 'topAgreement'>;
}

/** Weights side by side, and those without a counterpart as `name FLOAT[10]`. */
export interface WeightsComparison {
  compared: WeightComparison[];
  removed: string[];
  added: string[];
}

/**
 * Compares the constants that paired nodes take at the same place, then those of the same name. What a node takes
 * through DequantizeLinear or Cast, or packed for MatMulNBits, counts as the numbers that it stands for.
 */
export function compareWeights(
  graphs: readonly (readonly [GraphView, GraphView])[],
  pairs: readonly (readonly [Node, Node])[],
): WeightsComparison {
  const viewsOfA = viewOfNodes(graphs.map(([a]) => a));
  const viewsOfB = viewOfNodes(graphs.map(([, b]) => b));
  const compared: WeightComparison[] = [];
  /** Constants that were compared, with what. */
  const seen = new Map<Constant, Set<Constant>>();
  const compare = (before: Weight | undefined, after: Weight | undefined) => {
    if (before === undefined || after === undefined) return;
    const [a, b] = [before.constant, after.constant];
    const others = seen.getOrInsertComputed(a, () => new Set());
    if (others.has(b)) return;
    others.add(b);
    if (!seen.has(b)) seen.set(b, new Set());
    compared.push(compareWeight(before, after));
  };
  for (const [a, b] of pairs) {
    const [viewOfA, viewOfB] = [viewsOfA.get(a), viewsOfB.get(b)];
    if (viewOfA === undefined || viewOfB === undefined) continue;
    for (const [left, right] of sameInputs(a, b))
      compare(weightAt(viewOfA, a, left), weightAt(viewOfB, b, right));
  }
  const removed: string[] = [];
  const added: string[] = [];
  for (const [a, b] of graphs) {
    for (const [name, constant] of a.constants) {
      const after = b.constants.get(name);
      if (seen.has(constant)) continue;
      if (after !== undefined && !seen.has(after)) compare(stored(constant), stored(after));
      else removed.push(`${constant.name} ${typeOf(constant)}`);
    }
    for (const constant of b.constants.values())
      if (!seen.has(constant)) added.push(`${constant.name} ${typeOf(constant)}`);
  }
  return { compared, removed, added };
}

/** A constant with the numbers it stands for; none where they cannot be read. */
interface Weight {
  constant: Constant;
  dims: readonly number[];
  numbers: () => ArrayLike<number> | undefined;
}

function viewOfNodes(views: readonly GraphView[]): Map<Node, GraphView> {
  return new Map(views.flatMap((view) => view.nodes.map((node) => [node, view])));
}

function stored(constant: Constant): Weight {
  return { constant, dims: constant.dims, numbers: () => storedNumbers(constant) };
}

function weightAt(view: GraphView, node: Node, slot: number): Weight | undefined {
  const source = view.source(node.inputs[slot] ?? '');
  if (source.kind !== 'constant') return undefined;
  const { constant, through } = source;
  if (node.opType === 'MatMulNBits' && slot === 1) {
    const dims = ['K', 'N'].map((name) => intAttribute(node, name) ?? 0);
    return { constant, dims, numbers: () => dequantizeNBits(node, (name) => constantAt(view, name)) };
  }
  const dequantizer = through.find(({ opType }) => opType === 'DequantizeLinear');
  const scaling = dequantizer ? scalingOf(view, dequantizer) : productScaling(view, node, slot);
  if (scaling === undefined) return stored(constant);
  return { ...stored(constant), numbers: () => dequantize(constant, scaling) };
}

function constantAt(view: GraphView, name: string | undefined): Constant | undefined {
  const source = view.source(name ?? '');
  return source.kind === 'constant' ? source.constant : undefined;
}

/** That of a DequantizeLinear node. */
function scalingOf(view: GraphView, node: Node): Scaling | undefined {
  const [scale, zeroPoint] = [constantAt(view, node.inputs[1]), constantAt(view, node.inputs[2])];
  const [axis = 1, blockSize = 1] = [intAttribute(node, 'axis'), intAttribute(node, 'block_size')];
  return scale && { scale, zeroPoint, axis, blockSize };
}

/**
 * That of the weight of a MatMulInteger, which gives bare integers: behind it, after a Cast, comes a Mul with the product
 * of the two scales, one of them constant.
 */
function productScaling(view: GraphView, node: Node, slot: number): Scaling | undefined {
  if (node.opType !== 'MatMulInteger' || slot !== 1) return undefined;
  const [cast] = view.consumers(node.outputs[0] ?? '');
  const [scaled] = cast ? view.consumers(cast.outputs[0] ?? '') : [];
  const factors = (scaled?.inputs ?? []).map((input) => view.source(input));
  const product = factors.find((source) => source.kind === 'node' && source.node.opType === 'Mul');
  if (product?.kind !== 'node') return undefined;
  const scale = product.node.inputs
    .map((input) => constantAt(view, input))
    .find((found) => found !== undefined);
  return scale && { scale, zeroPoint: constantAt(view, node.inputs[3]), axis: -1, blockSize: 1 };
}

function compareWeight(before: Weight, after: Weight): WeightComparison {
  const [a, b] = [before.constant, after.constant];
  const about = { name: a.name, counterpart: b.name, before: typeOf(a), after: typeOf(b) };
  if (sameConstant(a, b)) return { ...about, change: 'none' };
  if (before.dims.join() !== after.dims.join()) return { ...about, change: 'reshaped' };
  const [expected, actual] = [before.numbers(), after.numbers()];
  if (expected === undefined || actual === undefined || expected.length !== actual.length)
    return { ...about, change: 'unreadable' };
  const { topAgreement: _, ...error } = outputError(numberSums(actual, expected));
  return { ...about, change: a.elementType === b.elementType ? 'values' : 'quantized', error };
}

function sameConstant(a: Constant, b: Constant): boolean {
  if (a.elementType !== b.elementType || a.dims.join() !== b.dims.join()) return false;
  if (a.data.kind !== 'raw' || b.data.kind !== 'raw') return a.data === b.data;
  return sameBytes(a.data.bytes, b.data.bytes);
}

function typeOf({ elementType, dims }: Constant): string {
  return `${elementTypeName(elementType)}[${dims}]`;
}
