import type { Attribute, Graph, Model, ModelFunction, Node, ValueInfo } from './types.ts';

/** A copy that may be edited freely: everything but the bytes of tensors, which are shared and never written to. */
export function cloneModel(model: Model): Model {
  return {
    ...model,
    opsets: model.opsets.map((opset) => ({ ...opset })),
    graph: cloneGraph(model.graph),
    functions: model.functions.map(cloneFunction),
    metadata: new Map(model.metadata),
  };
}

/** As cloneModel, of one graph with its subgraphs. */
export function cloneGraph(graph: Graph): Graph {
  return {
    ...graph,
    nodes: graph.nodes.map(cloneNode),
    initializers: new Map([...graph.initializers].map(([name, constant]) => [name, { ...constant }])),
    sparseInitializers: graph.sparseInitializers.map((sparse) => ({
      ...sparse,
      values: { ...sparse.values },
      indices: { ...sparse.indices },
    })),
    inputs: graph.inputs.map(cloneValueInfo),
    outputs: graph.outputs.map(cloneValueInfo),
    valueInfo: graph.valueInfo.map(cloneValueInfo),
    metadata: new Map(graph.metadata),
  };
}

/** As cloneModel, of one node with its subgraphs. */
export function cloneNode(node: Node): Node {
  return {
    ...node,
    inputs: [...node.inputs],
    outputs: [...node.outputs],
    attributes: new Map([...node.attributes].map(([name, attribute]) => [name, cloneAttribute(attribute)])),
    metadata: new Map(node.metadata),
  };
}

function cloneAttribute(attribute: Attribute): Attribute {
  if (attribute.type === 'graph') return { ...attribute, value: cloneGraph(attribute.value) };
  if (attribute.type === 'graphs') return { ...attribute, value: attribute.value.map(cloneGraph) };
  if (attribute.type === 'tensor') return { ...attribute, value: { ...attribute.value } };
  if (attribute.type === 'tensors')
    return { ...attribute, value: attribute.value.map((constant) => ({ ...constant })) };
  return { ...attribute };
}

function cloneValueInfo(info: ValueInfo): ValueInfo {
  return {
    ...info,
    ...(info.type && { type: structuredClone(info.type) }),
    metadata: new Map(info.metadata),
  };
}

function cloneFunction(fn: ModelFunction): ModelFunction {
  return { ...fn, nodes: fn.nodes.map(cloneNode), opsets: fn.opsets.map((opset) => ({ ...opset })) };
}
