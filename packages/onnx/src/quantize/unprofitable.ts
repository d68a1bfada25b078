import type { Model, Node } from '../model/index.ts';
import { inferShapes } from '../shapes/index.ts';
import { activationValues } from './activations.ts';
import { conversionCost, costOf } from './cost.ts';
import { MinimumCut } from './minimum-cut.ts';
import { dataInputs, type Region, regionOf } from './region.ts';

/**
 * Names of nodes that integers are expected to slow down, conversions between them and their neighbours included: to be
 * kept in fp32 where speed counts. Every node is either on integers or not, and neighbours that differ pay for a
 * conversion, so the cheapest choice is a minimum cut. An estimate: measure both. `sizes` are those of symbolic
 * dimensions, others count as 1. Errors: those of inferShapes.
 */
export function unprofitableNodes(model: Model, sizes: Readonly<Record<string, number>> = {}): Set<string> {
  const region = regionOf(model, new Set());
  const types = inferShapes(model, sizes);
  const cut = new MinimumCut();
  const places = new Map<Node, number>([...region.roles.keys()].map((node) => [node, cut.node()]));
  const shapeOf = (value: string) => types.get(value)?.shape;
  for (const [node, role] of region.roles) {
    const weight = role === 'weighted' ? region.constants.get(node.inputs[1] ?? '') : undefined;
    const cost = costOf(node, weight, shapeOf(node.outputs[0] ?? ''), role === 'moving');
    const place = places.get(node) ?? cut.sink;
    cut.edge(cut.source, place, Math.round(cost.floats));
    cut.edge(place, cut.sink, Math.round(cost.integers));
  }
  for (const value of valuesOf(region))
    addConversions(cut, region, places, value, Math.round(conversionCost(shapeOf(value))));
  const onIntegers = cut.split();
  const names = [...places].filter(([, place]) => !onIntegers(place)).map(([{ name }]) => name);
  return new Set(names);
}

/** Values between nodes: those behind a Relu or Clip, whose work is done with the node before. */
function valuesOf(region: Region): Set<string> {
  const values = activationValues(region);
  for (const [node, role] of region.roles)
    if (role === 'moving') for (const output of node.outputs) values.add(output);
  return values;
}

/** What a value costs when the node that gives it and those that take it are on different sides. */
function addConversions(
  cut: MinimumCut,
  { roles, clips, uses }: Region,
  places: ReadonlyMap<Node, number>,
  value: string,
  cost: number,
): void {
  const maker = uses.producer(value);
  const before = maker && !roles.has(maker) ? uses.producer(maker.inputs[0] ?? '') : maker;
  const producer = before && (before === maker || clips.get(before) === maker) ? before : undefined;
  const from = (producer && places.get(producer)) ?? cut.sink;
  const takers = uses
    .consumers(value)
    .map((node) => (dataInputs(node).includes(value) ? places.get(node) : undefined) ?? cut.sink);
  if (uses.isOutput(value)) takers.push(cut.sink);
  const toIntegers = cut.node();
  cut.edge(toIntegers, from, cost);
  const toFloats = cut.node();
  const isFree = producer?.opType === 'Gemm' || producer?.opType === 'MatMul';
  cut.edge(from, toFloats, isFree ? 0 : cost);
  for (const taker of takers) {
    cut.edge(taker, toIntegers, unlimited);
    cut.edge(toFloats, taker, unlimited);
  }
}

const unlimited = Number.MAX_SAFE_INTEGER;
