import { CoveyError } from '@covey/protocol';
import type { Calibration, Ranges } from '../calibrate/index.ts';
import { walkGraphs } from '../graph/index.ts';
import type { Model, Node } from '../model/index.ts';
import {
  type CostModel,
  costModel,
  type DynamicOptions,
  quantizableNodes,
  quantizeDynamic,
  quantizeStatic,
  quantizeWeights,
  type StaticOptions,
  storeHalf,
  type WeightOptions,
} from '../quantize/index.ts';
import { weightCountOf } from './groups.ts';

/** One way to quantize a model, whatever nodes it leaves in fp32; a static one stores weights that stay in fp16. */
export type Scheme =
  | { kind: 'static'; calibration: Calibration; options: Omit<StaticOptions, 'keep'> }
  | { kind: 'dynamic'; options: Omit<DynamicOptions, 'keep'> }
  | { kind: 'weights'; options: Omit<WeightOptions, 'keep'> };

const perChannel: Omit<StaticOptions, 'keep'> = {
  activations: 'uint8',
  activationsSymmetric: false,
  weights: 'int7',
  weightsSymmetric: true,
  perChannel: true,
};

/**
 * Static schemes worth trying, the cheapest first; what clips outliers comes after what does not. Weights are right on every
 * processor: in 7 bits, or in 8 where those are too few, which are slower.
 */
export const staticSchemes: readonly Scheme[] = [
  { kind: 'static', calibration: { method: 'minmax' }, options: perChannel },
  { kind: 'static', calibration: { method: 'minmax' }, options: { ...perChannel, weights: 'uint8' } },
  {
    kind: 'static',
    calibration: { method: 'percentile', percentile: 99.999, bins: 2048 },
    options: perChannel,
  },
  { kind: 'static', calibration: { method: 'entropy', bins: 2048 }, options: perChannel },
  { kind: 'static', calibration: { method: 'minmax' }, options: { ...perChannel, perChannel: false } },
];

/** Likewise. */
export const dynamicSchemes: readonly Scheme[] = [
  { kind: 'dynamic', options: { weights: 'int7', perChannel: true } },
  { kind: 'dynamic', options: { weights: 'uint8', perChannel: true } },
];

/** As it is shown and stored: `static, minmax, activations uint8, weights int7, weightsSymmetric, perChannel`. */
export function schemeName(scheme: Scheme): string {
  const choices = Object.entries(scheme.options)
    .filter(([, value]) => value !== false)
    .map(([name, value]) => (value === true ? name : `${name} ${value}`));
  const calibration = scheme.kind === 'static' ? [calibrationName(scheme.calibration)] : [];
  return [scheme.kind, ...calibration, ...choices].join(', ');
}

export function calibrationName({ method, ...numbers }: Calibration): string {
  const named = Object.entries(numbers).map(([name, value]) =>
    name === method ? `${value}` : `${name} ${value}`,
  );
  return [method, ...named].join(' ');
}

/** A scheme ready to be applied. */
export interface Quantizer {
  name: string;
  /** What it quantizes when nothing is kept. */
  nodes: readonly Node[];
  quantize(keep: ReadonlySet<string>): Model;
  /** What its nodes are expected to cost and save. */
  costs: CostModel;
}

/**
 * `ranges` answers those of a calibration. Errors: INVALID_ARGUMENT where nodes have no names of their own, by which they
 * could be kept; those of the quantization, naming the node.
 */
export async function createQuantizer(
  model: Model,
  scheme: Scheme,
  ranges: (calibration: Calibration) => Promise<Ranges>,
): Promise<Quantizer> {
  const quantize = await quantization(model, scheme, ranges);
  const nodes =
    scheme.kind === 'static'
      ? quantizableNodes(model)
      : changedNodes(quantize(namesOf(model)), quantize(new Set()));
  const names = new Set(nodes.map((node) => node.name));
  if (names.size < nodes.length || names.has(''))
    throw new CoveyError(
      'INVALID_ARGUMENT',
      'nodes lack names of their own: edit the model with the standard passes first',
    );
  const costs = scheme.kind === 'static' ? costModel(model) : sizesAlone(model, nodes);
  return { name: schemeName(scheme), nodes, quantize, costs };
}

/** Where time is not known, only bytes count: about one for each element of a weight. */
function sizesAlone(model: Model, nodes: readonly Node[]): CostModel {
  const wanted = new Set(nodes.map(({ name }) => name));
  const savedBytes = new Map<string, number>();
  for (const graph of walkGraphs(model.graph))
    for (const node of graph.nodes)
      if (wanted.has(node.name)) savedBytes.set(node.name, weightCountOf(node, graph));
  const cheapest: CostModel['cheapest'] = (extra) =>
    new Set([...extra].filter(([, { floats, integers }]) => integers > floats).map(([name]) => name));
  return { floatNs: 0, savedBytes, cheapest };
}

async function quantization(
  model: Model,
  scheme: Scheme,
  ranges: (calibration: Calibration) => Promise<Ranges>,
): Promise<Quantizer['quantize']> {
  switch (scheme.kind) {
    case 'static': {
      const found = await ranges(scheme.calibration);
      return (keep) => storeHalf(quantizeStatic(model, found, { ...scheme.options, keep }));
    }
    case 'dynamic':
      return (keep) => quantizeDynamic(model, { ...scheme.options, keep });
    case 'weights':
      return (keep) => quantizeWeights(model, { ...scheme.options, keep });
  }
}

/** Of every node: a model that keeps them all differs from the quantized one by what is quantized, not by its opset. */
function namesOf(model: Model): Set<string> {
  const nodes = Array.from(walkGraphs(model.graph), (graph) => graph.nodes).flat();
  return new Set(nodes.map(({ name }) => name));
}

/** Nodes that are no longer there, or take something else. */
function changedNodes(before: Model, after: Model): Node[] {
  const signature = ({ opType, inputs }: Node) => JSON.stringify([opType, inputs]);
  const left = new Map<string, string>();
  for (const graph of walkGraphs(after.graph))
    for (const node of graph.nodes) left.set(node.name, signature(node));
  return Array.from(walkGraphs(before.graph), ({ nodes }) => nodes)
    .flat()
    .filter((node) => left.get(node.name) !== signature(node));
}
