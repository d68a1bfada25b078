import { floatAttribute, type Graph, intAttribute, type Node } from '../model/index.ts';

/** Puts what `replacement` answers in the place of each node that is not kept; undefined: it stays. */
export function replaceNodes(
  graph: Graph,
  keep: ReadonlySet<string>,
  replacement: (node: Node) => Node[] | undefined,
): void {
  graph.nodes = graph.nodes.flatMap(
    (node) => (keep.has(node.name) ? undefined : replacement(node)) ?? [node],
  );
}

/** Whether a Gemm is a product of rows with a weight and at most a bias: without factors, its activation not transposed. */
export function isPlainGemm(node: Node): boolean {
  const isOne = (name: string) => (floatAttribute(node, name) ?? 1) === 1;
  return isOne('alpha') && isOne('beta') && (intAttribute(node, 'transA') ?? 0) === 0;
}

/** The nodes, the last of which takes the name of the node they replace: that name is free, and `keep` knows it. */
export function namedAs({ name }: Node, nodes: readonly Node[]): Node[] {
  return nodes.map((node, i) => (i === nodes.length - 1 ? { ...node, name } : node));
}
