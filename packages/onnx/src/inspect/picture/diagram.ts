import { CoveyError } from '@covey/protocol';
import { capturedNames } from '../../graph/index.ts';
import {
  elementTypeName,
  elementTypes,
  type Graph,
  type Model,
  type Node,
  subgraphs,
} from '../../model/index.ts';
import { countOf, formatShape, inferShapes, type TensorType } from '../../shapes/index.ts';
import { attributesText } from './attributes.ts';
import { type Family, familyOf } from './families.ts';

/** A box of the picture: an input, a node or an output. */
export interface Box {
  family: Family;
  /** The operator, or the name of an input or output. */
  title: string;
  /** Further lines: name, attributes, shapes of weights. */
  lines: string[];
  tooltip: string;
}

/** A value on its way from the box that makes it to one that takes it; boxes by their index. */
export interface Edge {
  from: number;
  to: number;
  /** `1 × 64 × 112 × 112`, with the element type unless that is FLOAT. */
  label: string;
  tooltip: string;
}

export interface Diagram {
  boxes: Box[];
  edges: Edge[];
}

/** A picture of more is of no use to anybody. */
const maxBoxes = 10_000;

type Types = ReadonlyMap<string, TensorType>;

/**
 * The boxes and edges of a model's outermost graph. What follows from constants alone is left out: it is a weight,
 * whose shape the box that takes it shows. Errors: MODEL_UNSUPPORTED for a graph of too many nodes.
 */
export function createDiagram(model: Model, sizes: Readonly<Record<string, number>>): Diagram {
  const { graph } = model;
  const types = inferShapes(model, sizes);
  const constants = constantNames(graph);
  const nodes = graph.nodes.filter((node) =>
    node.outputs.some((name) => name !== '' && !constants.has(name)),
  );
  if (nodes.length > maxBoxes)
    throw new CoveyError(
      'MODEL_UNSUPPORTED',
      `the graph has ${nodes.length} nodes, more than ${maxBoxes} are not drawn`,
    );
  const boxes: Box[] = [];
  const edges: Edge[] = [];
  const makers = new Map<string, number>();
  const addEdges = (names: Iterable<string>) => {
    for (const name of names) {
      const from = makers.get(name);
      if (from !== undefined)
        edges.push({ from, to: boxes.length, label: typeText(types.get(name)), tooltip: name });
    }
  };
  for (const { name } of graph.inputs) {
    if (constants.has(name)) continue;
    makers.set(name, boxes.length);
    boxes.push(endBox('input', name, types));
  }
  for (const node of nodes) {
    addEdges(takenBy(node));
    for (const output of node.outputs) makers.set(output, boxes.length);
    boxes.push(nodeBox(node, constants, types));
  }
  for (const { name } of graph.outputs) {
    addEdges([name]);
    boxes.push(endBox('output', name, types));
  }
  return { boxes, edges };
}

function takenBy(node: Node): Set<string> {
  const names = new Set(node.inputs);
  for (const { graph } of subgraphs(node)) for (const name of capturedNames(graph)) names.add(name);
  return names;
}

/** Initializers and all that is computed from them alone. */
function constantNames(graph: Graph): Set<string> {
  const constants = new Set<string>(graph.initializers.keys());
  for (const { values } of graph.sparseInitializers) constants.add(values.name);
  for (const node of graph.nodes) {
    const isConstant = [...takenBy(node)].every((name) => name === '' || constants.has(name));
    if (isConstant && !node.opType.startsWith('Random')) for (const name of node.outputs) constants.add(name);
  }
  return constants;
}

function nodeBox(node: Node, constants: ReadonlySet<string>, types: Types): Box {
  const weights = node.inputs
    .filter((name) => constants.has(name))
    .flatMap((name) => weightText(types.get(name)));
  const attributes = attributesText(node);
  const name = node.name || (node.outputs[0] ?? '');
  const title =
    node.domain === '' || node.domain === 'ai.onnx' ? node.opType : `${node.domain}.${node.opType}`;
  return {
    family: familyOf(node),
    title,
    lines: [
      name,
      attributes,
      weights.length === 0 ? '' : `weights ${[...new Set(weights)].join(', ')}`,
    ].filter((line) => line !== ''),
    tooltip: [
      title,
      name,
      ...node.inputs.map((input) => `in: ${describe(input, types)}`),
      ...node.outputs.map((output) => `out: ${describe(output, types)}`),
    ].join('\n'),
  };
}

const describe = (name: string, types: Types) => (name === '' ? '-' : `${name} ${typeText(types.get(name))}`);

function endBox(family: 'input' | 'output', name: string, types: Types): Box {
  const type = types.get(name);
  const text = type ? `${elementTypeName(type.elementType)} ${formatShape(type.shape)}` : '';
  return { family, title: name, lines: text === '' ? [] : [text], tooltip: `${family} ${name} ${text}` };
}

/** Shapes and axes are constants too, but no weights. */
const integerTypes: ReadonlySet<number> = new Set([
  elementTypes.INT32,
  elementTypes.INT64,
  elementTypes.BOOL,
]);

function weightText(type: TensorType | undefined): string[] {
  const isWeight = type !== undefined && !integerTypes.has(type.elementType) && countOf(type.shape) !== 1;
  return isWeight ? [sizesText(type)] : [];
}

/** `64 × 3 × 7 × 7`; '' of a scalar. */
function sizesText(type: TensorType | undefined): string {
  return type?.shape ? type.shape.map((size) => size ?? '?').join(' × ') : '';
}

function typeText(type: TensorType | undefined): string {
  if (type === undefined) return '';
  const sizes = type.shape === undefined ? '?' : sizesText(type) || 'scalar';
  const name = elementTypeName(type.elementType);
  return name === 'FLOAT' ? sizes : `${name} ${sizes}`;
}
