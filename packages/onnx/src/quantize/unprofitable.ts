import type { Constant, Model, Node } from '../model/index.ts';
import { inferShapes } from '../shapes/index.ts';
import { activationValues } from './activations.ts';
import { conversionCost, costOf, type NodeCost, savedBytesOf } from './cost.ts';
import { MinimumCut } from './minimum-cut.ts';
import { channelAxis, dataInputs, type Region, regionOf } from './region.ts';

/** What the nodes that static quantization can compute on integers are expected to cost. */
export interface CostModel {
  /** Of all of them in fp32, in ns. */
  floatNs: number;
  /** By how many bytes each node with a weight makes the file smaller on integers, beside fp16. */
  savedBytes: ReadonlyMap<string, number>;
  /**
   * Names of nodes to be kept in fp32 so that all together cost least: time, and what `extra` says that either side of a
   * node (by name) costs besides, in ns that one would give for it.
   */
  cheapest(extra: ReadonlyMap<string, NodeCost>): Set<string>;
}

/**
 * Every node is either on integers or not, and neighbours that differ pay for a conversion, so the cheapest choice is a
 * minimum cut. `sizes` are those of symbolic dimensions, others count as 1. Errors: those of inferShapes.
 */
export function costModel(model: Model, sizes: Readonly<Record<string, number>> = {}): CostModel {
  const region = regionOf(model, new Set());
  const types = inferShapes(model, sizes);
  const shapeOf = (value: string) => types.get(value)?.shape;
  const costs = new Map<Node, NodeCost>();
  const savedBytes = new Map<string, number>();
  for (const [node, role] of region.roles) {
    const weight = role === 'weighted' ? region.constants.get(node.inputs[1] ?? '') : undefined;
    costs.set(node, costOf(node, weight, shapeOf(node.outputs[0] ?? ''), role === 'moving'));
    if (weight) savedBytes.set(node.name, savedBytesOf(weight, channelsOf(node, weight)));
  }
  const conversions = new Map<string, number>();
  for (const value of valuesOf(region)) conversions.set(value, Math.round(conversionCost(shapeOf(value))));
  return {
    floatNs: [...costs.values()].reduce((sum, { floats }) => sum + floats, 0),
    savedBytes,
    cheapest: (extra) => cheapestFloats(region, costs, conversions, extra),
  };
}

/**
 * Names of nodes that integers are expected to slow down, conversions between them and their neighbours included: to be
 * kept in fp32 where speed counts. An estimate: measure both. `sizes` and errors: those of costModel.
 */
export function unprofitableNodes(model: Model, sizes: Readonly<Record<string, number>> = {}): Set<string> {
  return costModel(model, sizes).cheapest(new Map());
}

function cheapestFloats(
  region: Region,
  costs: ReadonlyMap<Node, NodeCost>,
  conversions: ReadonlyMap<string, number>,
  extra: ReadonlyMap<string, NodeCost>,
): Set<string> {
  const cut = new MinimumCut();
  const places = new Map<Node, number>();
  for (const [node, { floats, integers }] of costs) {
    const place = cut.node();
    places.set(node, place);
    const more = extra.get(node.name);
    cut.edge(cut.source, place, wholeCost(floats + (more?.floats ?? 0)));
    cut.edge(place, cut.sink, wholeCost(integers + (more?.integers ?? 0)));
  }
  for (const [value, cost] of conversions) addConversions(cut, region, places, value, cost);
  const onIntegers = cut.split();
  return new Set([...places].filter(([, place]) => !onIntegers(place)).map(([{ name }]) => name));
}

function channelsOf(node: Node, weight: Constant): number {
  return weight.dims[channelAxis(node, weight) ?? 0] ?? 1;
}

/** More than any node takes; sums of them are still whole numbers. */
const largestCost = 2 ** 40;

function wholeCost(cost: number): number {
  return Math.round(Math.min(cost, largestCost));
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
