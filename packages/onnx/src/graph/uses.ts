import { type Graph, type Model, type Node, subgraphs } from '../model/index.ts';

/** The version of ONNX's own operators that a model uses, or of those of `domain`; 0 where it names none. */
export function opsetOf(model: Model, domain = ''): number {
  const isOnnx = (name: string) => name === '' || name === 'ai.onnx';
  const opset = model.opsets.find((candidate) =>
    isOnnx(domain) ? isOnnx(candidate.domain) : candidate.domain === domain,
  );
  return opset?.version ?? 0;
}

/** The graph and every graph in its nodes, outermost first. */
export function* walkGraphs(graph: Graph): Generator<Graph> {
  yield graph;
  for (const node of graph.nodes) for (const { graph: inner } of subgraphs(node)) yield* walkGraphs(inner);
}

/** Values that a graph takes from the graphs around it. */
export function capturedNames(graph: Graph): Set<string> {
  const defined = new Set<string>(graph.initializers.keys());
  for (const { name } of graph.inputs) defined.add(name);
  for (const { values } of graph.sparseInitializers) defined.add(values.name);
  const captured = new Set<string>();
  const use = (name: string) => {
    if (name !== '' && !defined.has(name)) captured.add(name);
  };
  for (const node of graph.nodes) {
    node.inputs.forEach(use);
    for (const { graph: inner } of subgraphs(node)) capturedNames(inner).forEach(use);
    for (const output of node.outputs) defined.add(output);
  }
  for (const { name } of graph.outputs) use(name);
  return captured;
}

/** Who makes and who takes each value of one graph. Made from a graph as it is; make another after an edit. */
export class Uses {
  readonly #producers = new Map<string, Node>();
  readonly #consumers = new Map<string, Node[]>();
  readonly #outputs: Set<string>;

  constructor(graph: Graph) {
    this.#outputs = new Set(graph.outputs.map(({ name }) => name));
    for (const node of graph.nodes) {
      for (const output of node.outputs) if (output !== '') this.#producers.set(output, node);
      const taken = new Set(node.inputs.filter((input) => input !== ''));
      for (const { graph: inner } of subgraphs(node))
        for (const name of capturedNames(inner)) taken.add(name);
      for (const name of taken) {
        const nodes = this.#consumers.get(name);
        if (nodes) nodes.push(node);
        else this.#consumers.set(name, [node]);
      }
    }
  }

  /** The node that computes a value; undefined for inputs, initializers and what comes from an outer graph. */
  producer(value: string): Node | undefined {
    return this.#producers.get(value);
  }

  /** Nodes that take a value, each once, in order; a node whose subgraph takes it is among them. */
  consumers(value: string): readonly Node[] {
    return this.#consumers.get(value) ?? [];
  }

  isOutput(value: string): boolean {
    return this.#outputs.has(value);
  }
}

/** Names in use anywhere in a model, so that a new one clashes with none, in subgraphs neither. */
export class Names {
  readonly #taken = new Set<string>();

  constructor(model: Model) {
    for (const graph of walkGraphs(model.graph)) {
      for (const name of graph.initializers.keys()) this.#taken.add(name);
      for (const { name } of [...graph.inputs, ...graph.outputs]) this.#taken.add(name);
      for (const node of graph.nodes) {
        this.#taken.add(node.name);
        for (const name of [...node.inputs, ...node.outputs]) this.#taken.add(name);
      }
    }
  }

  /** `wanted`, or with the first number behind it that makes it new; it is taken from now on. */
  fresh(wanted: string): string {
    let name = wanted;
    for (let number = 2; this.#taken.has(name); number++) name = `${wanted}_${number}`;
    this.#taken.add(name);
    return name;
  }
}
