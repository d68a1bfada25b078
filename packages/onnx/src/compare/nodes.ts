import { type Attribute, elementTypeName, type Graph, type Node, subgraphs } from '../model/index.ts';
import type { Alignment } from './align.ts';
import { sameValue } from './equality.ts';
import { type GraphView, type Source, sameInputs } from './view.ts';

export interface NodesComparison {
  /** Nodes that have a counterpart that does the same. */
  same: number;
  /** Each change in words: `pads 0,0,0,0 became 1,1,1,1`. */
  changed: { before: NodeReference; after: NodeReference; changes: string[] }[];
  removed: NodeReference[];
  added: NodeReference[];
}

export interface NodeReference {
  /** Or that of its first output, where it has none. */
  name: string;
  opType: string;
}

/** Adds what an alignment of two graphs says to `nodes`. */
export function addNodes(
  nodes: NodesComparison,
  [a, b]: readonly [GraphView, GraphView],
  { pairs, removed, added }: Alignment,
): void {
  const counterparts = new Map(pairs);
  for (const [before, after] of pairs) {
    const changes = [
      ...(before.opType === after.opType ? [] : [`${before.opType} became ${after.opType}`]),
      ...attributeChanges(before, after),
      ...wiringChanges(a, b, before, after, counterparts),
    ];
    if (changes.length === 0) nodes.same++;
    else nodes.changed.push({ before: referTo(before), after: referTo(after), changes });
  }
  nodes.removed.push(...removed.map(referTo));
  nodes.added.push(...added.map(referTo));
}

/** Graphs at the same place in two nodes. */
export function innerGraphs(a: Node, b: Node): [Graph, Graph][] {
  const others = subgraphs(b);
  return subgraphs(a).flatMap(({ attribute, graph }, index): [Graph, Graph][] => {
    const other = others[index];
    return other?.attribute === attribute ? [[graph, other.graph]] : [];
  });
}

function referTo({ name, opType, outputs }: Node): NodeReference {
  return { name: name || (outputs[0] ?? ''), opType };
}

function attributeChanges(before: Node, after: Node): string[] {
  // Another operator has attributes of its own; subgraphs are compared node by node.
  if (before.opType !== after.opType) return [];
  const names = new Set([...before.attributes.keys(), ...after.attributes.keys()]);
  return [...names].flatMap((name) => {
    const [a, b] = [before.attributes.get(name), after.attributes.get(name)];
    if (sameValue(a, b) || (isGraphs(a) && isGraphs(b))) return [];
    return [`${name} ${a ? textOf(a) : '(not given)'} became ${b ? textOf(b) : '(not given)'}`];
  });
}

function isGraphs(attribute: Attribute | undefined): boolean {
  return attribute?.type === 'graph' || attribute?.type === 'graphs';
}

const decoder = new TextDecoder();

function textOf(attribute: Attribute): string {
  switch (attribute.type) {
    case 'float':
    case 'int':
    case 'reference':
      return String(attribute.value);
    case 'string':
      return JSON.stringify(decoder.decode(attribute.value));
    case 'floats':
    case 'ints':
      return attribute.value.join();
    case 'tensor':
      return `${elementTypeName(attribute.value.elementType)}[${attribute.value.dims}]`;
    default:
      return `(${attribute.type})`;
  }
}

/** Inputs that come from elsewhere; other numbers in a constant are a matter of the weights. */
function wiringChanges(
  a: GraphView,
  b: GraphView,
  before: Node,
  after: Node,
  counterparts: ReadonlyMap<Node, Node>,
): string[] {
  return sameInputs(before, after).flatMap(([left, right]) => {
    const [x, y] = [a.source(before.inputs[left] ?? ''), b.source(after.inputs[right] ?? '')];
    if (sameSource(x, y, counterparts)) return [];
    return [`input ${left} came from ${placeOf(x)}, now from ${placeOf(y)}`];
  });
}

function sameSource(x: Source, y: Source, counterparts: ReadonlyMap<Node, Node>): boolean {
  if (x.kind === 'node' && y.kind === 'node')
    return counterparts.get(x.node) === y.node && x.output === y.output;
  if (x.kind === 'input' && y.kind === 'input') return x.position === y.position;
  if (x.kind === 'outer' && y.kind === 'outer') return x.name === y.name;
  return x.kind === 'constant' && y.kind === 'constant';
}

function placeOf(source: Source): string {
  switch (source.kind) {
    case 'node':
      return `${source.node.opType} "${referTo(source.node).name}"`;
    case 'constant':
      return `constant "${source.constant.name}"`;
    case 'input':
      return `input ${source.position} of the graph`;
    case 'outer':
      return source.name === '' ? 'nowhere' : `"${source.name}" outside of the graph`;
  }
}
