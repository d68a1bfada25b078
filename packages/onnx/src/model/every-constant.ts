import { subgraphs } from './attributes.ts';
import type { Constant, Graph, Model, Node } from './types.ts';

/** Every tensor of a model: initializers, attributes, those of subgraphs and functions. */
export function* everyConstant(model: Model): Generator<Constant> {
  yield* ofGraph(model.graph);
  for (const { nodes } of model.functions) for (const node of nodes) yield* ofNode(node);
}

function* ofGraph(graph: Graph): Generator<Constant> {
  yield* graph.initializers.values();
  for (const { values, indices } of graph.sparseInitializers) yield* [values, indices];
  for (const node of graph.nodes) yield* ofNode(node);
}

function* ofNode(node: Node): Generator<Constant> {
  for (const attribute of node.attributes.values()) {
    if (attribute.type === 'tensor') yield attribute.value;
    if (attribute.type === 'tensors') yield* attribute.value;
    if (attribute.type === 'sparseTensor') yield* [attribute.value.values, attribute.value.indices];
    if (attribute.type === 'sparseTensors')
      for (const { values, indices } of attribute.value) yield* [values, indices];
  }
  for (const { graph } of subgraphs(node)) yield* ofGraph(graph);
}
