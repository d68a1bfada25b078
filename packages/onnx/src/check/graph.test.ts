import { expect, test } from 'vitest';
import { createConstant, createNode, createValueInfo, type Model } from '../model/index.ts';
import { assertModel, checkModel, type FindingCode } from './index.ts';
import { branch, choice, FLOAT, INT64, modelOf, spoiled } from './small-models.fixture.ts';

const cases: Record<string, [Model, FindingCode, string]> = {
  'a value that nothing defines': [
    modelOf(createNode('Add', ['x', 'w'], ['y'])),
    'value-undefined',
    'node "y" (Add) takes "w", which nothing defines',
  ],
  'an output that nothing defines': [
    modelOf(createNode('Relu', ['x'], ['z'])),
    'value-undefined',
    'nothing defines the output "y" of the graph',
  ],
  'no outputs': [
    spoiled((graph) => Object.assign(graph, { outputs: [] })),
    'value-undefined',
    'the graph has no outputs',
  ],
  'an output computed twice': [
    modelOf(createNode('Relu', ['x'], ['y']), createNode('Neg', ['x'], ['y'])),
    'name-duplicate',
    '"y" is defined again by node "y" (Neg)',
  ],
  'an initializer computed again': [
    spoiled((graph) => graph.initializers.set('y', createConstant('y', FLOAT, [1], Float32Array.of(1)))),
    'name-duplicate',
    '"y" is defined again by node "y" (Relu)',
  ],
  'two inputs of one name': [
    spoiled((graph) => graph.inputs.push(createValueInfo('x', { kind: 'tensor', elementType: FLOAT }))),
    'name-duplicate',
    'two inputs of the graph are named "x"',
  ],
  'an input without a name': [
    spoiled((graph) => graph.inputs.push(createValueInfo('', { kind: 'tensor', elementType: FLOAT }))),
    'name-missing',
    'an input of the graph has no name',
  ],
  'an input without a type': [
    spoiled((graph) => graph.inputs.push(createValueInfo('z'))),
    'type-missing',
    'of what type the input "z" is',
  ],
  'a node before the one it depends on': [
    modelOf(createNode('Relu', ['z'], ['y']), createNode('Neg', ['x'], ['z'])),
    'order',
    'node "y" (Relu) comes too early: it takes "z" of node "z" (Neg)',
  ],
  'a subgraph before the node it depends on': [
    (() => {
      const model = choice(branch('late', 't'), branch('x', 'e'));
      model.graph.nodes.push(createNode('Neg', ['x'], ['late']));
      return model;
    })(),
    'order',
    'node "t" (Neg) comes too early: it takes "late"',
  ],
  'a cycle': [
    modelOf(
      createNode('Add', ['x', 'c'], ['a']),
      createNode('Neg', ['a'], ['b']),
      createNode('Neg', ['b'], ['c']),
      createNode('Relu', ['x'], ['y']),
    ),
    'cycle',
    "3 nodes take one another's outputs in a ring",
  ],
  'a node that takes its own output': [
    modelOf(createNode('Add', ['x', 'y'], ['y'])),
    'cycle',
    'node "y" (Add) takes its own output',
  ],
  'a value of a subgraph that hides an outer one': [
    choice(branch('x', 'x'), branch('x', 'e')),
    'name-shadowed',
    'defines "x", which a graph around it defines as well',
  ],
  'a type the operator does not take': [
    modelOf(createNode('Not', ['x'], ['y'])),
    'type-disagrees',
    'takes "x" of type tensor(float) as its "X", which must be tensor(bool)',
  ],
  'two types where there must be one': [
    spoiled((graph) => {
      graph.inputs.push(createValueInfo('i', { kind: 'tensor', elementType: INT64 }));
      graph.nodes.unshift(createNode('Add', ['x', 'i'], ['z']));
    }),
    'type-disagrees',
    'takes "i" of type tensor(int64) as its "B", where another input makes it tensor(float)',
  ],
  'a type that follows from the nodes before': [
    modelOf(createNode('Shape', ['x'], ['s']), createNode('Sigmoid', ['s'], ['y'])),
    'type-disagrees',
    'takes "s" of type tensor(int64) as its "X", which Sigmoid does not take there',
  ],
  'a declared type that is not the computed one': [
    spoiled((graph) =>
      Object.assign(graph, { outputs: [createValueInfo('y', { kind: 'tensor', elementType: INT64 })] }),
    ),
    'type-disagrees',
    'computes "y" as tensor(float), the graph declares it as tensor(int64)',
  ],
  'an element type that is not known': [
    spoiled((graph) =>
      graph.initializers.set('w', {
        ...createConstant('w', FLOAT, [0], new Float32Array()),
        elementType: 99,
      }),
    ),
    'type-unsupported',
    'tensor "w" is of element type 99',
  ],
  'data that do not fill their dimensions': [
    spoiled((graph) =>
      graph.initializers.set('w', { ...createConstant('w', FLOAT, [1], Float32Array.of(1)), dims: [3] }),
    ),
    'constant-invalid',
    'tensor "w" has 4 bytes, FLOAT[3] has 12',
  ],
  'dimensions beyond counting': [
    spoiled((graph) =>
      graph.initializers.set('w', {
        ...createConstant('w', FLOAT, [1], Float32Array.of(1)),
        dims: [2 ** 40, 2 ** 40],
      }),
    ),
    'constant-invalid',
    'absurd dimensions',
  ],
  'a tensor in an attribute that is not whole': [
    modelOf(
      createNode('Constant', [], ['y'], {
        value: {
          type: 'tensor',
          value: { ...createConstant('', FLOAT, [1], Float32Array.of(1)), dims: [2] },
        },
      }),
    ),
    'constant-invalid',
    'tensor "y.value" has 4 bytes',
  ],
  'a sparse index outside the dimensions': [
    spoiled((graph) =>
      graph.sparseInitializers.push({
        values: createConstant('s', FLOAT, [1], Float32Array.of(1)),
        indices: createConstant('', INT64, [1, 2], BigInt64Array.of(1n, 3n)),
        dims: [2, 3],
      }),
    ),
    'constant-invalid',
    'sparse tensor "s" has the index 3 outside its dimensions [2,3]',
  ],
};

test.each(Object.entries(cases))('finds %s', (_, [model, code, message]) => {
  const errors = checkModel(model).filter(({ severity }) => severity === 'error');
  expect(errors).toContainEqual(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  expect(() => assertModel(model)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
});
