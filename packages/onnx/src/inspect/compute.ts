import { intAttribute, type Node } from '../model/index.ts';
import { countOf, type InferredGraph, type Known } from '../shapes/index.ts';

/** Multiply-accumulate operations of a run. */
export interface Compute {
  multiplyAccumulates: number;
  /** Nodes that multiply matrices of sizes that are not known; theirs are not in the sum. */
  uncounted: number;
  /** Largest share first. */
  byOperator: { operator: string; multiplyAccumulates: number }[];
}

type Types = (name: string) => Known | undefined;

/** How many elements input or output `name` has, or undefined. */
const elements = (types: Types, name: string | undefined) => countOf(types(name ?? '')?.shape);

/** Each element of the result is a sum over one column of the weights: all but their first dimension (`from` 1). */
function perResult(weights: number, transposes = false): (node: Node, types: Types) => number | undefined {
  return (node, types) => {
    const kernel = types(node.inputs[weights] ?? '')?.shape;
    const count = elements(types, transposes ? node.inputs[0] : node.outputs[0]);
    const terms = kernel && countOf(kernel.slice(1));
    return count === undefined || terms === undefined ? undefined : count * terms;
  };
}

/** The result has one sum over the inner dimension per element. */
function perInner(innerOf: (node: Node, types: Types) => number | undefined) {
  return (node: Node, types: Types) => {
    const count = elements(types, node.outputs[0]);
    const inner = innerOf(node, types);
    return count === undefined || inner === undefined ? undefined : count * inner;
  };
}

/** The last dimension of the first matrix, or the one before it where that is transposed. */
function innerDimension(node: Node, types: Types): number | undefined {
  const shape = types(node.inputs[0] ?? '')?.shape;
  const inner = shape?.at((intAttribute(node, 'transA') ?? 0) === 0 ? -1 : -2);
  return typeof inner === 'number' ? inner : undefined;
}

/** Every weight of both matrices is used once per step and sample. */
function recurrent(node: Node, types: Types): number | undefined {
  const [steps, batch] = types(node.inputs[0] ?? '')?.shape ?? [];
  const [input, state] = [elements(types, node.inputs[1]), elements(types, node.inputs[2])];
  if (typeof steps !== 'number' || typeof batch !== 'number' || input === undefined || state === undefined)
    return undefined;
  return steps * batch * (input + state);
}

const byInner = perInner(innerDimension);
const packed = perInner((node) => intAttribute(node, 'K'));

const counters = new Map<string, (node: Node, types: Types) => number | undefined>([
  ...['Conv', 'FusedConv', 'ConvInteger', 'DeformConv'].map((name) => [name, perResult(1)] as const),
  ['QLinearConv', perResult(3)],
  ['ConvTranspose', perResult(1, true)],
  ...['MatMul', 'Gemm', 'MatMulInteger', 'QLinearMatMul', 'QGemm'].map((name) => [name, byInner] as const),
  ...['FusedMatMul', 'FusedGemm', 'MatMulIntegerToFloat', 'DynamicQuantizeMatMul'].map(
    (name) => [name, byInner] as const,
  ),
  ['MatMulNBits', packed],
  ['MatMulBnb4', packed],
  ...['RNN', 'GRU', 'LSTM', 'DynamicQuantizeLSTM'].map((name) => [name, recurrent] as const),
]);

/**
 * What the convolutions, matrix products and recurrent layers of a graph multiply, in subgraphs and functions too: of
 * an If the costlier branch, of a Loop or Scan one turn times the turns, where their number is known (else one).
 */
export function countCompute(graph: InferredGraph): Compute {
  const counted = countGraph(graph, () => undefined);
  const byOperator = [...counted.byOperator].map(([operator, multiplyAccumulates]) => ({
    operator,
    multiplyAccumulates,
  }));
  return {
    multiplyAccumulates: totalOf(counted),
    uncounted: counted.uncounted,
    byOperator: byOperator.sort((a, b) => b.multiplyAccumulates - a.multiplyAccumulates),
  };
}

interface Counted {
  byOperator: Map<string, number>;
  uncounted: number;
}

function countGraph(graph: InferredGraph, outer: Types): Counted {
  const types: Types = (name) => graph.types.get(name) ?? outer(name);
  const counted: Counted = { byOperator: new Map(), uncounted: 0 };
  for (const node of graph.nodes) {
    const counter = counters.get(node.opType);
    if (counter) {
      const count = counter(node, types);
      if (count === undefined) counted.uncounted++;
      else increase(counted.byOperator, node.opType, count);
    }
    const inner = (graph.inner.get(node) ?? []).map((each) => countGraph(each.graph, types));
    const [costliest] = inner.sort((a, b) => totalOf(b) - totalOf(a));
    if (costliest === undefined) continue;
    counted.uncounted += costliest.uncounted;
    const turns = turnsOf(node, types);
    for (const [operator, count] of costliest.byOperator)
      increase(counted.byOperator, operator, turns * count);
  }
  return counted;
}

const totalOf = ({ byOperator }: Counted) => byOperator.values().reduce((sum, count) => sum + count, 0);

function increase(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

/** How often the body of a node runs in one run of the node; 1 where that is not known. */
function turnsOf(node: Node, types: Types): number {
  if (node.opType === 'Loop') return Number(types(node.inputs[0] ?? '')?.contents?.[0] ?? 1) || 1;
  if (node.opType !== 'Scan') return 1;
  const scanned = node.inputs.length - (intAttribute(node, 'num_scan_inputs') ?? 1);
  const length = types(node.inputs[scanned] ?? '')?.shape?.[0];
  return typeof length === 'number' ? length : 1;
}
