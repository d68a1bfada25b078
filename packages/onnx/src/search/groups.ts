import { walkGraphs } from '../graph/index.ts';
import type { Graph, Model, Node } from '../model/index.ts';

/** Nodes that are quantized or left in fp32 together: one with weights, and those behind it that only pass its values on. */
export interface Group {
  /** Of its first node. */
  name: string;
  /** Names of nodes. */
  nodes: readonly string[];
  /** Elements of its constants: what quantization makes smaller. */
  weightCount: number;
}

/**
 * The nodes in groups, in the order of the graph. A node without weights of its own joins the group whose values it
 * takes first, through nodes in between that are not quantized (a Relu that is absorbed).
 */
export function groupsOf(model: Model, nodes: readonly Node[]): Group[] {
  const wanted = new Set(nodes.map(({ name }) => name));
  const groups: { name: string; nodes: string[]; weightCount: number }[] = [];
  for (const graph of walkGraphs(model.graph)) {
    const groupOfValue = new Map<string, (typeof groups)[number]>();
    for (const node of graph.nodes) {
      const weightCount = weightCountOf(node, graph);
      const joined = node.inputs.map((input) => groupOfValue.get(input)).find((group) => group !== undefined);
      let group = joined;
      if (wanted.has(node.name) && (weightCount > 0 || joined === undefined)) {
        group = { name: node.name, nodes: [], weightCount: 0 };
        groups.push(group);
      }
      if (group === undefined) continue;
      if (wanted.has(node.name)) {
        group.nodes.push(node.name);
        group.weightCount += weightCount;
      }
      for (const output of node.outputs) groupOfValue.set(output, group);
    }
  }
  return groups;
}

/** Groups next to each other put together until there are at most `count`, about as many in each. */
export function mergeGroups(groups: readonly Group[], count: number): Group[] {
  if (groups.length <= count) return [...groups];
  const size = Math.ceil(groups.length / count);
  const merged: Group[] = [];
  for (let start = 0; start < groups.length; start += size) {
    const [first, ...rest] = groups.slice(start, start + size);
    if (first === undefined) continue;
    merged.push({
      name: first.name,
      nodes: [first, ...rest].flatMap(({ nodes }) => nodes),
      weightCount: [first, ...rest].reduce((sum, group) => sum + group.weightCount, 0),
    });
  }
  return merged;
}

/** Elements of matrices and kernels that a node takes; vectors (a bias) are no reason for a group. */
export function weightCountOf(node: Node, graph: Graph): number {
  return node.inputs.reduce((sum, input) => {
    const dims = graph.initializers.get(input)?.dims ?? [];
    return dims.length < 2 ? sum : sum + dims.reduce((product, dim) => product * dim, 1);
  }, 0);
}
