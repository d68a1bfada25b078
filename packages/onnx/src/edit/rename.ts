import { type Graph, type Node, subgraphs } from '../model/index.ts';

/** Lets a node, and the graphs in it, take values under their new names. A graph's own value of a name hides the outer one. */
export function renameTaken(node: Node, renames: ReadonlyMap<string, string>): void {
  if (renames.size === 0) return;
  node.inputs = node.inputs.map((input) => renames.get(input) ?? input);
  for (const { graph } of subgraphs(node)) renameCaptured(graph, renames);
}

function renameCaptured(graph: Graph, renames: ReadonlyMap<string, string>): void {
  const own = [
    ...graph.inputs.map(({ name }) => name),
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ];
  const visible = new Map(renames);
  for (const name of own) visible.delete(name);
  for (const node of graph.nodes) renameTaken(node, visible);
  for (const output of graph.outputs) output.name = visible.get(output.name) ?? output.name;
}

/**
 * Takes out nodes that only pass a value on: `passedOn` answers the input that a node's first output equals, or undefined.
 * An output of the graph keeps its name: what computed the value takes that name, and where nothing in this graph does
 * (or it is an output too), the node stays. Answers how many nodes went.
 */
export function bypassNodes(graph: Graph, passedOn: (node: Node) => string | undefined): number {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const renames = new Map<string, string>();
  const candidates: Node[] = [];
  const kept = graph.nodes.filter((node) => {
    renameTaken(node, renames);
    const input = passedOn(node);
    const output = node.outputs[0];
    if (input === undefined || output === undefined) return true;
    if (outputs.has(output)) {
      candidates.push(node);
      return true;
    }
    renames.set(output, input);
    return false;
  });
  const before = graph.nodes.length;
  graph.nodes = kept;
  for (const node of candidates) bypassOutput(graph, node, passedOn(node) ?? '', outputs);
  return before - graph.nodes.length;
}

function bypassOutput(graph: Graph, node: Node, input: string, outputs: ReadonlySet<string>): void {
  const [output = ''] = node.outputs;
  const producer = graph.nodes.find((candidate) => candidate.outputs.includes(input));
  if (producer === undefined || outputs.has(input)) return;
  producer.outputs = producer.outputs.map((name) => (name === input ? output : name));
  graph.nodes = graph.nodes.filter((candidate) => candidate !== node);
  const renames = new Map([[input, output]]);
  for (const candidate of graph.nodes) renameTaken(candidate, renames);
}

/** Every name that the nodes, and the graphs in them, give a value. */
export function definedNames(nodes: readonly Node[]): Set<string> {
  const names = new Set<string>();
  for (const node of nodes) {
    for (const output of node.outputs) if (output !== '') names.add(output);
    for (const { graph } of subgraphs(node)) {
      for (const { name } of graph.inputs) names.add(name);
      for (const name of graph.initializers.keys()) names.add(name);
      for (const name of definedNames(graph.nodes)) names.add(name);
    }
  }
  return names;
}

/** Renames values wherever the nodes, and the graphs in them, give or take them. */
export function renameDefined(nodes: readonly Node[], renames: ReadonlyMap<string, string>): void {
  const renamed = (name: string) => renames.get(name) ?? name;
  for (const node of nodes) {
    node.inputs = node.inputs.map(renamed);
    node.outputs = node.outputs.map(renamed);
    for (const { graph } of subgraphs(node)) {
      for (const info of [...graph.inputs, ...graph.outputs, ...graph.valueInfo])
        info.name = renamed(info.name);
      graph.initializers = new Map(
        [...graph.initializers.values()].map((constant) => {
          const name = renamed(constant.name);
          return [name, { ...constant, name }];
        }),
      );
      renameDefined(graph.nodes, renames);
    }
  }
}
