import { Uses, walkGraphs } from '../graph/index.ts';
import type { Model } from '../model/index.ts';
import { domainName } from '../operators/index.ts';
import type { Placement } from './place.ts';

export interface PlacementSummary {
  /** Nodes by where they run. */
  nodes: Record<Placement['runs'], number>;
  /** Values that are made on one provider and taken on another: each is copied on every run. */
  transfers: number;
  /** Operators that do not run where they were asked to, most frequent first, with the first reason. */
  elsewhere: { operator: string; runs: Placement['runs']; count: number; reason: string }[];
}

/** A placement of a model's nodes in figures. */
export function summarizePlacement(model: Model, placements: readonly Placement[]): PlacementSummary {
  const nodes = { cpu: 0, webgpu: 0, none: 0 };
  const elsewhere = new Map<string, PlacementSummary['elsewhere'][number]>();
  for (const { node, runs, reason } of placements) {
    nodes[runs]++;
    if (reason === '') continue;
    const operator = node.domain === '' ? node.opType : `${domainName(node.domain)}.${node.opType}`;
    const key = `${operator} ${runs}`;
    const entry = elsewhere.get(key);
    if (entry) entry.count++;
    else elsewhere.set(key, { operator, runs, count: 1, reason });
  }
  return {
    nodes,
    transfers: countTransfers(model, placements),
    elsewhere: [...elsewhere.values()].sort((a, b) => b.count - a.count),
  };
}

function countTransfers(model: Model, placements: readonly Placement[]): number {
  const runs = new Map(placements.map((placement) => [placement.node, placement.runs]));
  let transfers = 0;
  for (const graph of walkGraphs(model.graph)) {
    const uses = new Uses(graph);
    for (const node of graph.nodes)
      for (const output of node.outputs) {
        const takers = uses.consumers(output).map((consumer) => runs.get(consumer));
        if (output !== '' && takers.some((taker) => taker !== runs.get(node))) transfers++;
      }
  }
  return transfers;
}
