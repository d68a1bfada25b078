import { capturedNames } from '../graph/index.ts';
import { elementsSizeBytes, type Node, subgraphs } from '../model/index.ts';
import { countOf, type InferredGraph, type Known } from '../shapes/index.ts';

/** What the values of a run take when each lives from the node that makes it to the last that takes it. */
export interface ActivationMemory {
  peakBytes: number;
  /** The node during which the peak is reached, by its first output; absent where nothing is computed. */
  peakAt?: string;
  /** Values whose size is not known; they are not in the peak. */
  unsized: number;
}

/**
 * The peak of live values of `graph` with its nodes run in order: inputs, results and what is in between, no constants. An
 * upper bound for a runtime that also computes in place. `outputs` live to the end.
 */
export function measureActivations(
  graph: InferredGraph,
  inputs: readonly string[],
  outputs: readonly string[],
): ActivationMemory {
  const lastUse = lastUses(graph.nodes);
  for (const name of outputs) lastUse.set(name, graph.nodes.length);
  const sizes = new Map<string, number>();
  let unsized = 0;
  let live = 0;
  const allocate = (name: string) => {
    const size = sizeBytes(graph.types.get(name));
    if (size === undefined) unsized++;
    sizes.set(name, size ?? 0);
    live += size ?? 0;
  };
  for (const name of inputs) allocate(name);
  let peak = { peakBytes: live, peakAt: '' };
  for (const [index, node] of graph.nodes.entries()) {
    const made = node.opType === 'Constant' ? [] : node.outputs.filter((name) => name !== '');
    for (const name of made) allocate(name);
    const during = live + innerPeak(graph, node);
    if (during > peak.peakBytes) peak = { peakBytes: during, peakAt: made[0] ?? '' };
    for (const name of new Set([...node.inputs, ...made, ...captured(node)])) {
      if ((lastUse.get(name) ?? index) > index) continue;
      live -= sizes.get(name) ?? 0;
      sizes.delete(name);
    }
  }
  const { peakBytes, peakAt } = peak;
  return { peakBytes, ...(peakAt !== '' && { peakAt }), unsized };
}

/** The largest of a node's branches or bodies. */
function innerPeak(graph: InferredGraph, node: Node): number {
  const inner = graph.inner.get(node) ?? [];
  return Math.max(0, ...inner.map((each) => measureActivations(each.graph, [], []).peakBytes));
}

function lastUses(nodes: readonly Node[]): Map<string, number> {
  const last = new Map<string, number>();
  for (const [index, node] of nodes.entries())
    for (const name of [...node.inputs, ...captured(node)]) last.set(name, index);
  return last;
}

const captured = (node: Node) => subgraphs(node).flatMap(({ graph }) => [...capturedNames(graph)]);

function sizeBytes(type: Known | undefined): number | undefined {
  const count = countOf(type?.shape);
  return type === undefined || count === undefined ? undefined : elementsSizeBytes(type.elementType, count);
}
