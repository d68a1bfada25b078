import { CoveyError } from '@covey/protocol';
import { capturedNames } from '../graph/index.ts';
import { type Graph, type Node, subgraphs } from '../model/index.ts';
import { nodeText } from './finding.ts';

/** Nodes in an order in which each comes after those it depends on, or nodes that depend on one another in a ring. */
export type Order = { nodes: Node[] } | { cycle: Node[] };

/** A frame of the depth-first search, kept by hand: chains of nodes are as long as a file likes. */
interface Visit {
  node: Node;
  dependencies: Node[];
  next: number;
}

/**
 * The nodes of one graph or function, sorted; those already in order stay in their order. What the subgraphs of a node take from
 * their graph counts as its input. Linear in the nodes and what they take.
 */
export function topologicalOrder(unsorted: readonly Node[]): Order {
  const producers = new Map<string, Node>();
  for (const node of unsorted)
    for (const output of node.outputs) if (output !== '') producers.set(output, node);
  const nodes = new Set<Node>();
  for (const start of unsorted) {
    if (nodes.has(start)) continue;
    const path: Visit[] = [visit(start, producers)];
    const onPath = new Set([start]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const dependency = top.dependencies[top.next++];
      if (dependency === undefined) {
        nodes.add(top.node);
        onPath.delete(top.node);
        path.pop();
      } else if (onPath.has(dependency)) {
        const onRing = path.map(({ node }) => node);
        return { cycle: onRing.slice(onRing.indexOf(dependency)) };
      } else if (!nodes.has(dependency)) {
        path.push(visit(dependency, producers));
        onPath.add(dependency);
      }
    }
  }
  return { nodes: [...nodes] };
}

function visit(node: Node, producers: ReadonlyMap<string, Node>): Visit {
  const taken = new Set(node.inputs);
  for (const { graph } of subgraphs(node)) for (const name of capturedNames(graph)) taken.add(name);
  const dependencies = Array.from(taken, (name) => producers.get(name)).filter(
    (found) => found !== undefined,
  );
  return { node, dependencies, next: 0 };
}

/** Sorts the nodes of a graph in place; its subgraphs stay as they are. Errors: MODEL_INVALID for a cycle. */
export function sortNodes(graph: Graph): void {
  const order = topologicalOrder(graph.nodes);
  if ('cycle' in order) throw new CoveyError('MODEL_INVALID', cycleText(order.cycle));
  graph.nodes = order.nodes;
}

/** The ring in words, a long one cut short. */
export function cycleText(cycle: readonly Node[]): string {
  const [first] = cycle;
  if (first === undefined || cycle.length === 1)
    return `${first ? nodeText(first) : 'a node'} takes its own output`;
  const shown = cycle.slice(0, 8).map(nodeText).join(', ');
  return `${cycle.length} nodes take one another's outputs in a ring: ${shown}${cycle.length > 8 ? ', ...' : ''}`;
}
