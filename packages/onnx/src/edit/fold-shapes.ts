import {
  createConstant,
  type Elements,
  elementTypes,
  type Graph,
  type Model,
  type Node,
} from '../model/index.ts';
import { type InferredGraph, inferGraphs, type Known } from '../shapes/index.ts';
import type { Pass } from './pass.ts';
import { isOnnx } from './scope.ts';

/**
 * Makes constants of what follows from shapes that are known: Shape and Size, and the arithmetic that picks sizes and puts
 * target shapes together. It needs no runtime. A body that runs many times is left alone.
 */
export const foldShapes: Pass = {
  name: 'fold-shapes',
  summary: 'makes constants of sizes that are known',
  apply(model) {
    return foldGraph(model.graph, inferGraphs(model, new Map()), model);
  },
};

function foldGraph(graph: Graph, inferred: InferredGraph, model: Model): number {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  let changes = 0;
  const kept: Node[] = [];
  for (const node of graph.nodes) {
    const [output = ''] = node.outputs;
    const constant =
      node.outputs.length === 1 && !outputs.has(output) && constantOf(output, inferred.types.get(output));
    if (constant) graph.initializers.set(output, constant);
    else kept.push(node);
    if (!isOnnx(node, 'If')) continue;
    for (const { attribute, graph: inner } of inferred.inner.get(node) ?? []) {
      const branch = node.attributes.get(attribute ?? '');
      if (branch?.type === 'graph') changes += foldGraph(branch.value, inner, model);
    }
  }
  changes += graph.nodes.length - kept.length;
  graph.nodes = kept;
  return changes;
}

function constantOf(name: string, known: Known | undefined) {
  const elements = known?.contents && elementsFrom(known.elementType, known.contents);
  const dims = known?.shape?.filter((dimension) => typeof dimension === 'number');
  if (!known || !elements || !dims) return undefined;
  return createConstant(name, known.elementType, dims, elements);
}

function elementsFrom(elementType: number, contents: NonNullable<Known['contents']>): Elements | undefined {
  const numbers = contents.filter((element) => typeof element === 'number');
  if (numbers.length < contents.length) return undefined;
  if (elementType === elementTypes.INT64 && numbers.every(Number.isSafeInteger))
    return BigInt64Array.from(numbers, BigInt);
  return elementType === elementTypes.INT32 ? Int32Array.from(numbers) : undefined;
}
