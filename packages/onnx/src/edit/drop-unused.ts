import { CoveyError } from '@covey/protocol';
import { capturedNames, walkGraphs } from '../graph/index.ts';
import { type Graph, type Model, type Node, subgraphs } from '../model/index.ts';
import type { Pass } from './pass.ts';

/** Drops nodes and constants that no output needs, functions nobody calls, and notes about values that are gone. */
export const dropUnused: Pass = {
  name: 'drop-unused',
  summary: 'drops nodes, constants and functions that no output needs',
  apply(model) {
    return dropFrom(model.graph) + dropFunctions(model);
  },
};

/**
 * Leaves only these outputs, in the order of the model; follow it with `dropUnused`. Errors of the pass: INVALID_ARGUMENT
 * for a name that is no output, or no name at all.
 */
export function keepOutputs(names: readonly string[]): Pass {
  return {
    name: 'keep-outputs',
    summary: `leaves only the outputs ${names.join(', ')}`,
    apply({ graph }) {
      const wanted = new Set(names);
      const outputs = graph.outputs.filter(({ name }) => wanted.delete(name));
      const [unknown] = wanted;
      if (unknown !== undefined) {
        const known = graph.outputs.map(({ name }) => `"${name}"`).join(', ');
        throw new CoveyError(
          'INVALID_ARGUMENT',
          `"${unknown}" is not an output of the model, which has ${known}`,
        );
      }
      if (outputs.length === 0) throw new CoveyError('INVALID_ARGUMENT', 'a model needs at least one output');
      const dropped = graph.outputs.length - outputs.length;
      graph.outputs = outputs;
      return dropped;
    },
  };
}

/** From the last node to the first, so that one walk finds every node that only unused ones need. */
function dropFrom(graph: Graph): number {
  const used = new Set(graph.outputs.map(({ name }) => name));
  const kept: Node[] = [];
  let changes = 0;
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => used.has(output))) continue;
    kept.push(node);
    for (const { graph: inner } of subgraphs(node)) {
      changes += dropFrom(inner);
      for (const name of capturedNames(inner)) used.add(name);
    }
    for (const input of node.inputs) used.add(input);
  }
  changes += graph.nodes.length - kept.length;
  graph.nodes = kept.reverse();
  return changes + dropConstants(graph, used);
}

/** Constants that are also inputs stay: the callers know them. */
function dropConstants(graph: Graph, used: ReadonlySet<string>): number {
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  let changes = 0;
  for (const name of graph.initializers.keys()) {
    if (used.has(name) || inputs.has(name)) continue;
    graph.initializers.delete(name);
    changes += 1;
  }
  const sparse = graph.sparseInitializers.filter(
    ({ values }) => used.has(values.name) || inputs.has(values.name),
  );
  changes += graph.sparseInitializers.length - sparse.length;
  graph.sparseInitializers = sparse;
  const defined = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  graph.valueInfo = graph.valueInfo.filter(({ name }) => defined.has(name) || graph.initializers.has(name));
  return changes;
}

function dropFunctions(model: Model): number {
  if (model.functions.length === 0) return 0;
  const key = ({ domain, overload }: { domain: string; overload: string }, name: string) =>
    JSON.stringify([domain, name, overload]);
  const byKey = new Map(model.functions.map((fn) => [key(fn, fn.name), fn]));
  const called = new Set<string>();
  const pending = [...walkGraphs(model.graph)].flatMap(({ nodes }) => nodes);
  for (const node of pending) {
    const name = key(node, node.opType);
    const fn = byKey.get(name);
    if (fn === undefined || called.has(name)) continue;
    called.add(name);
    for (const inner of fn.nodes) pending.push(inner, ...innerNodes(inner));
  }
  const functions = model.functions.filter((fn) => called.has(key(fn, fn.name)));
  const dropped = model.functions.length - functions.length;
  model.functions = functions;
  return dropped;
}

function innerNodes(node: Node): Node[] {
  return subgraphs(node).flatMap(({ graph }) => [...walkGraphs(graph)].flatMap(({ nodes }) => nodes));
}
