import { Uses, walkGraphs } from '../graph/index.ts';
import type { Graph, Model } from '../model/index.ts';

/** Removes those of `names` among a graph's constants that nothing takes any more, inner graphs included. */
export function removeUnused(graph: Graph, names: Iterable<string>): void {
  const uses = new Uses(graph);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  for (const name of names)
    if (uses.consumers(name).length === 0 && !uses.isOutput(name) && !inputs.has(name))
      graph.initializers.delete(name);
}

/** As removeUnused, wherever in the model the constants are. */
export function removeUnusedEverywhere(model: Model, names: ReadonlySet<string>): void {
  for (const graph of walkGraphs(model.graph)) removeUnused(graph, names);
}
