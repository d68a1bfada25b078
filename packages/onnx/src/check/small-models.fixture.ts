import { createModel } from '../graph/index.ts';
import {
  createGraph,
  createNode,
  createValueInfo,
  elementTypes,
  type Graph,
  type Model,
  type ModelFunction,
  type Node,
} from '../model/index.ts';

export const { FLOAT, INT64 } = elementTypes;

/** A graph from the float x to y, of the nodes given. */
function graphOf(...nodes: Node[]): Graph {
  return {
    ...createGraph('g'),
    nodes,
    inputs: [createValueInfo('x', { kind: 'tensor', elementType: FLOAT, shape: [2] })],
    outputs: [createValueInfo('y', { kind: 'tensor', elementType: FLOAT })],
  };
}

export const modelOf = (...nodes: Node[]): Model => createModel(graphOf(...nodes));

/** A model of one Relu, for a test to spoil. */
export function spoiled(spoil: (graph: Graph, model: Model) => void): Model {
  const model = modelOf(createNode('Relu', ['x'], ['y']));
  spoil(model.graph, model);
  return model;
}

export function functionOf(name: string, nodes: Node[]): ModelFunction {
  return {
    name,
    domain: 'own',
    overload: '',
    inputs: ['a'],
    outputs: ['b'],
    attributeNames: [],
    attributeDefaults: new Map(),
    nodes,
    opsets: [
      { domain: '', version: 21 },
      { domain: 'own', version: 1 },
    ],
    valueInfo: [],
    docString: '',
    metadata: new Map(),
  };
}

export function withFunctions(functions: ModelFunction[], node: Node): Model {
  const model = modelOf(node);
  model.opsets.push({ domain: 'own', version: 1 });
  return { ...model, functions };
}

export const call = (name: string, from: string, to: string) => createNode(name, [from], [to], {}, 'own');
const bool = { kind: 'tensor', elementType: elementTypes.BOOL } as const;

/** An If whose branches are the graphs given. */
export function choice(thenBranch: Graph, elseBranch: Graph): Model {
  const model = modelOf(
    createNode('If', ['c'], ['y'], {
      then_branch: { type: 'graph', value: thenBranch },
      else_branch: { type: 'graph', value: elseBranch },
    }),
  );
  model.graph.inputs.push(createValueInfo('c', bool));
  return model;
}

export function branch(input: string, output: string): Graph {
  return {
    ...createGraph('b'),
    nodes: [createNode('Neg', [input], [output])],
    outputs: [createValueInfo(output)],
  };
}
