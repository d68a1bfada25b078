import { type Constant, type Graph, type Model, subgraphs } from '../model/index.ts';

/** A graph among the graphs around it, and what its nodes can see from there. */
export class Scope {
  readonly graph: Graph;
  readonly #outer: Scope | undefined;
  readonly #inputs: Set<string>;
  readonly #computed: Set<string>;

  constructor(graph: Graph, outer?: Scope) {
    this.graph = graph;
    this.#outer = outer;
    this.#inputs = new Set(graph.inputs.map(({ name }) => name));
    this.#computed = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  }

  /** The constant that nodes of this graph see under the name; none where callers may replace it (it is also an input). */
  constant(name: string | undefined): Constant | undefined {
    if (name === undefined || name === '' || this.#inputs.has(name)) return undefined;
    const own = this.graph.initializers.get(name);
    if (own !== undefined) return own;
    return this.#computed.has(name) ? undefined : this.#outer?.constant(name);
  }

  /** Puts a constant into this graph, under its name. */
  add(constant: Constant): void {
    this.graph.initializers.set(constant.name, constant);
  }
}

/** Every graph of a model as a scope, outermost first. Functions are not among them. */
export function scopesOf(model: Model): Scope[] {
  const found = [new Scope(model.graph)];
  for (const scope of found)
    for (const node of scope.graph.nodes)
      for (const { graph } of subgraphs(node)) found.push(new Scope(graph, scope));
  return found;
}

/** Whether the node is one of ONNX's own operators, of that type where one is given. */
export function isOnnx(node: { domain: string; opType: string }, ...opTypes: readonly string[]): boolean {
  if (node.domain !== '' && node.domain !== 'ai.onnx') return false;
  return opTypes.length === 0 || opTypes.includes(node.opType);
}
