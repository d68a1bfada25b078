import { walkGraphs } from '../graph/index.ts';
import type { Pass } from './pass.ts';

/** Gives every node, in subgraphs too, a name that no other has; one that is alone under its name keeps it. */
export const nameNodes: Pass = {
  name: 'name-nodes',
  summary: 'gives every node a name of its own',
  apply(model) {
    const nodes = [...walkGraphs(model.graph)].flatMap((graph) => graph.nodes);
    const given = new Set(nodes.map(({ name }) => name));
    const taken = new Set(['']);
    const lastNumbers = new Map<string, number>();
    let changes = 0;
    for (const node of nodes) {
      if (!taken.has(node.name)) {
        taken.add(node.name);
        continue;
      }
      const stem = node.name || node.opType;
      let number = lastNumbers.get(stem) ?? 0;
      do number += 1;
      while (given.has(`${stem}_${number}`) || taken.has(`${stem}_${number}`));
      lastNumbers.set(stem, number);
      node.name = `${stem}_${number}`;
      taken.add(node.name);
      changes += 1;
    }
    return changes;
  },
};
