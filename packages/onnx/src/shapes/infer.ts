import {
  type Attribute,
  type Dimension,
  type Graph,
  type Model,
  type ModelFunction,
  type Node,
  type Opset,
  subgraphs,
  type ValueInfo,
} from '../model/index.ts';
import type { Call } from './call.ts';
import { isSymbol, substitute } from './dimensions.ts';
import { completed, type Known, known, knownConstant } from './known.ts';
import { ruleOf } from './rules/index.ts';

/** What was inferred of a graph or of the body of a function, with the graphs inside it. */
export interface InferredGraph {
  nodes: readonly Node[];
  types: ReadonlyMap<string, Known>;
  /** Of nodes that hold graphs or call a function of the model: those that were followed. */
  inner: ReadonlyMap<Node, readonly InnerGraph[]>;
}

export interface InnerGraph {
  /** The attribute that holds the graph; absent for the body of a function. */
  attribute?: string;
  graph: InferredGraph;
}

/** What is known while one graph, or one call of a function, is followed. */
interface Frame {
  values: Map<string, Known>;
  inner: Map<Node, InnerGraph[]>;
  /** The graph around this one, whose values it sees. */
  outer: Frame | undefined;
  opsets: readonly Opset[];
  /** In the body of a function: what its attributes are in this call. */
  attributes: ReadonlyMap<string, Attribute> | undefined;
  depth: number;
}

/** Graphs nested deeper, and calls of functions, are not followed; nor is anything after this many visits of nodes. */
const maxDepth = 48;
const maxVisits = 200_000;

/** What operators mean in a model that names no opset for them: the newest rules here. */
const newestVersion = 25;

/**
 * Infers the types in a model, graph by graph, where `inferShapes` has them by name alone. `sizes` are the numbers of
 * symbols. Errors: MODEL_INVALID naming the node whose inputs do not fit it.
 */
export function inferGraphs(model: Model, sizes: ReadonlyMap<string, number>): InferredGraph {
  return new Inference(model, sizes).run();
}

/** The type that the file states; what it leaves open in an input of the model is a symbol: `input[0]`. */
function declaredType(
  { name, type }: ValueInfo,
  namesOpen: boolean,
  sizes: ReadonlyMap<string, number>,
): Known | undefined {
  if (type?.kind !== 'tensor' || type.elementType === 0) return undefined;
  const open = (axis: number) => (namesOpen && isSymbol(`${name}[${axis}]`) ? `${name}[${axis}]` : null);
  const shape = type.shape?.map((dimension, axis) =>
    substitute(isNamed(dimension) ? dimension : open(axis), sizes),
  );
  return known(type.elementType, shape);
}

/** Exporters write -1, an empty name or "?" for what they do not know. */
function isNamed(dimension: Dimension): boolean {
  if (typeof dimension === 'number') return dimension >= 0;
  return dimension !== null && !/^(\?|\d*)$/.test(dimension);
}

/** Symbols and open dimensions of a model's inputs, by the names under which `sizes` takes them. */
export function symbolsOf({ graph }: Model): Set<string> {
  const symbols = new Set<string>();
  for (const info of graph.inputs)
    for (const dimension of declaredType(info, true, new Map())?.shape ?? [])
      if (typeof dimension === 'string') symbols.add(dimension);
  return symbols;
}

class Inference {
  readonly #model: Model;
  readonly #sizes: ReadonlyMap<string, number>;
  readonly #functions: ReadonlyMap<string, ModelFunction>;
  #visits = 0;

  constructor(model: Model, sizes: ReadonlyMap<string, number>) {
    this.#model = model;
    this.#sizes = sizes;
    this.#functions = new Map(
      model.functions.map((fn) => [functionKey(fn.domain, fn.name, fn.overload), fn]),
    );
  }

  run(): InferredGraph {
    const { graph, opsets, irVersion } = this.#model;
    const frame: Frame = { ...emptyFrame(), opsets };
    const declared = new Map(graph.inputs.map((info) => [info.name, declaredType(info, true, this.#sizes)]));
    for (const [name, type] of declared) if (type) frame.values.set(name, type);
    for (const [name, constant] of graph.initializers) {
      const type = declared.get(name);
      // Since version 4 a caller may replace an initializer that is listed as an input.
      const isDefault = declared.has(name) && irVersion >= 4;
      frame.values.set(name, isDefault && type ? type : knownConstant(constant));
    }
    this.#followNodes(graph, frame);
    return inferredGraph(graph.nodes, frame);
  }

  #followNodes(graph: Graph, frame: Frame): void {
    for (const { values, dims } of graph.sparseInitializers)
      frame.values.set(values.name, known(values.elementType, dims));
    const declared = new Map<string, Known>();
    for (const info of [...graph.valueInfo, ...graph.outputs]) {
      const type = declaredType(info, false, this.#sizes);
      if (type) declared.set(info.name, type);
    }
    for (const node of graph.nodes) this.#followNode(node, frame, declared);
  }

  #followNode(node: Node, frame: Frame, declared: ReadonlyMap<string, Known>): void {
    if (++this.#visits > maxVisits) return;
    const outputs = this.#outputsOf(node, frame);
    for (const [index, name] of node.outputs.entries()) {
      const value = completed(outputs[index], declared.get(name));
      if (name !== '' && value) frame.values.set(name, value);
    }
  }

  #outputsOf(original: Node, frame: Frame): readonly (Known | undefined)[] {
    const node = withAttributes(original, frame.attributes);
    const inputs = node.inputs.map((name) => (name === '' ? undefined : lookUp(frame, name)));
    const fn = this.#functions.get(functionKey(node.domain, node.opType, node.overload));
    if (fn) return this.#followFunction(fn, original, node, inputs, frame);
    const call: Call = {
      node,
      version: versionOf(frame.opsets, node.domain),
      inputs,
      infer: (attribute, given) => {
        const graph = subgraphs(node).find((inner) => inner.attribute === attribute)?.graph;
        return graph && this.#followSubgraph(graph, attribute, original, given, frame);
      },
    };
    return ruleOf(node)?.(call) ?? [];
  }

  #followSubgraph(
    graph: Graph,
    attribute: string,
    node: Node,
    inputs: readonly (Known | undefined)[],
    outer: Frame,
  ): (Known | undefined)[] | undefined {
    if (outer.depth >= maxDepth) return undefined;
    const frame: Frame = { ...outer, values: new Map(), inner: new Map(), outer, depth: outer.depth + 1 };
    for (const [name, constant] of graph.initializers) frame.values.set(name, knownConstant(constant));
    for (const [index, info] of graph.inputs.entries()) {
      const value = completed(inputs[index], declaredType(info, false, this.#sizes));
      if (value) frame.values.set(info.name, value);
    }
    this.#followNodes(graph, frame);
    // A body followed once more, with other types, takes the place of what was found before.
    const others = (outer.inner.get(node) ?? []).filter((inner) => inner.attribute !== attribute);
    outer.inner.set(node, [...others, { attribute, graph: inferredGraph(graph.nodes, frame) }]);
    return graph.outputs.map(({ name }) => lookUp(frame, name));
  }

  #followFunction(
    fn: ModelFunction,
    original: Node,
    node: Node,
    inputs: readonly (Known | undefined)[],
    caller: Frame,
  ): (Known | undefined)[] {
    if (caller.depth >= maxDepth) return [];
    const frame: Frame = {
      ...emptyFrame(),
      opsets: fn.opsets,
      attributes: new Map([...fn.attributeDefaults, ...node.attributes]),
      depth: caller.depth + 1,
    };
    for (const [index, name] of fn.inputs.entries()) {
      const value = inputs[index];
      if (value) frame.values.set(name, value);
    }
    for (const inner of fn.nodes) this.#followNode(inner, frame, new Map());
    caller.inner.set(original, [{ graph: inferredGraph(fn.nodes, frame) }]);
    return fn.outputs.map((name) => lookUp(frame, name));
  }
}

function emptyFrame(): Frame {
  return {
    values: new Map(),
    inner: new Map(),
    outer: undefined,
    opsets: [],
    attributes: undefined,
    depth: 0,
  };
}

function inferredGraph(nodes: readonly Node[], { values, inner }: Frame): InferredGraph {
  return { nodes, types: values, inner };
}

function lookUp(frame: Frame, name: string): Known | undefined {
  for (let at: Frame | undefined = frame; at; at = at.outer) {
    const value = at.values.get(name);
    if (value) return value;
  }
  return undefined;
}

const domainOf = (domain: string) => (domain === 'ai.onnx' ? '' : domain);

function functionKey(domain: string, name: string, overload: string): string {
  return JSON.stringify([domainOf(domain), name, overload]);
}

function versionOf(opsets: readonly Opset[], domain: string): number {
  return opsets.find((opset) => domainOf(opset.domain) === domainOf(domain))?.version || newestVersion;
}

/** A node of a function's body with its references replaced by the attributes of the call. */
function withAttributes(node: Node, given: ReadonlyMap<string, Attribute> | undefined): Node {
  const hasReferences = [...node.attributes.values()].some(({ type }) => type === 'reference');
  if (!hasReferences) return node;
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of node.attributes) {
    const value = attribute.type === 'reference' ? given?.get(attribute.value) : attribute;
    if (value) attributes.set(name, value);
  }
  return { ...node, attributes };
}
