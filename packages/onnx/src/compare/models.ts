import { elementTypeName, type Graph, type Model, type Node, type ValueType } from '../model/index.ts';
import { formatShape } from '../shapes/index.ts';
import { alignGraphs } from './align.ts';
import { addNodes, innerGraphs, type NodesComparison } from './nodes.ts';
import { GraphView } from './view.ts';
import { compareWeights, type WeightsComparison } from './weights.ts';

/** What is different from one model to another: plain data, empty lists where nothing is. */
export interface ModelComparison {
  properties: PropertyChange[];
  nodes: NodesComparison;
  weights: WeightsComparison;
}

/** Something about the whole model: `before` and `after` are undefined where that model has none. */
export interface PropertyChange {
  /** `opset ai.onnx`, `metadata author`, `input image`, ... */
  property: string;
  before: string | undefined;
  after: string | undefined;
}

/**
 * Compares two models as they stand in their files: head, schema, nodes aligned by structure, weights by the nodes that
 * take them. Subgraphs are compared where the nodes that hold them are counterparts. Errors: MODEL_INVALID for weights
 * whose bytes do not fill their shape.
 */
export function compareModels(a: Model, b: Model): ModelComparison {
  const graphs: [GraphView, GraphView][] = [];
  const pairs: (readonly [Node, Node])[] = [];
  const nodes: NodesComparison = { same: 0, changed: [], removed: [], added: [] };
  const open: [Graph, Graph][] = [[a.graph, b.graph]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const views: [GraphView, GraphView] = [new GraphView(next[0]), new GraphView(next[1])];
    const alignment = alignGraphs(...views);
    addNodes(nodes, views, alignment);
    graphs.push(views);
    for (const pair of alignment.pairs) {
      pairs.push(pair);
      open.push(...innerGraphs(...pair));
    }
  }
  return { properties: compareProperties(a, b), nodes, weights: compareWeights(graphs, pairs) };
}

function compareProperties(a: Model, b: Model): PropertyChange[] {
  const [before, after] = [propertiesOf(a), propertiesOf(b)];
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((property) => ({ property, before: before.get(property), after: after.get(property) }))
    .filter((change) => change.before !== change.after);
}

function propertiesOf(model: Model): Map<string, string> {
  const { graph } = model;
  const entries: [string, string][] = [
    ['IR version', String(model.irVersion)],
    ['producer', `${model.producerName} ${model.producerVersion}`.trim()],
    ['domain', model.domain],
    ['model version', String(model.modelVersion)],
    ['documentation', model.docString],
    ['graph name', graph.name],
    ...model.opsets.map(({ domain, version }): [string, string] => [
      `opset ${domain === '' ? 'ai.onnx' : domain}`,
      String(version),
    ]),
    ...Array.from(model.metadata, ([key, value]): [string, string] => [`metadata ${key}`, value]),
    ...model.functions.map((fn): [string, string] => [
      `function ${fn.domain}:${fn.name}`,
      `${fn.nodes.length} nodes`,
    ]),
    ...graph.inputs
      .filter(({ name }) => !graph.initializers.has(name))
      .map(({ name, type }): [string, string] => [`input ${name}`, typeText(type)]),
    ...graph.outputs.map(({ name, type }): [string, string] => [`output ${name}`, typeText(type)]),
  ];
  return new Map(entries.filter(([, value]) => value !== ''));
}

function typeText(type: ValueType | undefined): string {
  if (type === undefined) return 'of a type not stated';
  switch (type.kind) {
    case 'tensor':
    case 'sparseTensor':
      return `${type.kind === 'tensor' ? '' : 'sparse '}${elementTypeName(type.elementType)}${formatShape(type.shape)}`;
    case 'sequence':
    case 'optional':
      return `${type.kind} of ${typeText(type.element)}`;
    case 'map':
      return `map of ${elementTypeName(type.keyType)} to ${typeText(type.value)}`;
    case 'unknown':
      return 'of an unknown type';
  }
}
