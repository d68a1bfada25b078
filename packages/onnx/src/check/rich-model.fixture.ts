import { createModel } from '../graph/index.ts';
import {
  type Attribute,
  createConstant,
  createGraph,
  createNode,
  createValueInfo,
  elementTypes,
  type Graph,
  type Model,
  type ModelFunction,
  type ValueType,
} from '../model/index.ts';

const { FLOAT, INT64, STRING, UINT8, BOOL } = elementTypes;
const text = (value: string) => new TextEncoder().encode(value);
const tensor = (elementType: number, ...shape: (number | string)[]): ValueType => ({
  kind: 'tensor',
  elementType,
  shape,
});
const graphAttribute = (value: Graph): Attribute => ({ type: 'graph', value });
const floats = (name: string, ...values: number[]) =>
  createConstant(name, FLOAT, [values.length], Float32Array.from(values));

/** A small sound model with every kind of thing a file can hold, so that damage to it reaches all of the reader. */
export function createRichModel(): Model {
  const model = createModel(mainGraph());
  model.opsets.push({ domain: 'own', version: 1 }, { domain: 'com.microsoft', version: 1 });
  model.functions.push(scaledFunction());
  model.metadata.set('author', 'fixture');
  return model;
}

function mainGraph(): Graph {
  const graph: Graph = {
    ...createGraph('rich'),
    inputs: [createValueInfo('x', tensor(FLOAT, 'batch', 4)), createValueInfo('flag', tensor(BOOL))],
    outputs: [
      createValueInfo('y', tensor(FLOAT, 'batch', 4)),
      createValueInfo('texts', tensor(STRING, 2)),
      createValueInfo('sequence', { kind: 'sequence', element: tensor(FLOAT, 'batch', 4) }),
    ],
    valueInfo: [
      createValueInfo('scaled', tensor(FLOAT, 'batch', 4)),
      createValueInfo('sequence', { kind: 'sequence', element: tensor(FLOAT, 'batch', 4) }),
    ],
  };
  for (const constant of [floats('scale', 0.5), floats('weights', 1, 2, 3, 4)])
    graph.initializers.set(constant.name, constant);
  graph.initializers.set('zero', createConstant('zero', UINT8, [1], Uint8Array.of(128)));
  graph.initializers.set('words', {
    ...floats('words'),
    elementType: STRING,
    dims: [2],
    data: { kind: 'strings', strings: [text('a'), text('b')] },
  });
  graph.initializers.set('far', {
    ...floats('far'),
    dims: [4],
    data: { kind: 'external', location: 'weights.bin', offsetBytes: 0, sizeBytes: 16, entries: new Map() },
  });
  graph.sparseInitializers.push({
    values: floats('sparse', 1, 2),
    indices: createConstant('', INT64, [2], BigInt64Array.of(0n, 3n)),
    dims: [4],
  });
  graph.nodes.push(
    createNode('Scaled', ['x'], ['scaled'], { alpha: { type: 'float', value: 2 } }, 'own'),
    createNode('QuantizeLinear', ['scaled', 'scale', 'zero'], ['q']),
    createNode('DequantizeLinear', ['q', 'scale', 'zero'], ['dq']),
    createNode('Mul', ['dq', 'weights'], ['weighted']),
    createNode('If', ['flag'], ['chosen'], {
      then_branch: graphAttribute(branch('then', 'Neg')),
      else_branch: graphAttribute(branch('else', 'Relu')),
    }),
    createNode('LeakyRelu', ['chosen'], ['leaky'], { alpha: { type: 'float', value: 0.1 } }),
    createNode('Add', ['leaky', 'far'], ['moved']),
    createNode('QuickGelu', ['moved'], ['y'], {}, 'com.microsoft'),
    createNode('StringConcat', ['words', 'words'], ['texts']),
    createNode('SequenceConstruct', ['x', 'dq'], ['sequence']),
    createNode('Constant', [], ['numbers'], { value_ints: [1, 2, 3] }),
    createNode('Constant', [], ['list'], { value_floats: { type: 'floats', value: Float32Array.of(1, 2) } }),
    createNode('Constant', [], ['names'], { value_strings: { type: 'strings', value: [text('n')] } }),
    createNode('Constant', [], ['whole'], { value: { type: 'tensor', value: floats('', 1, 2) } }),
    createNode('Optional', [], ['nothing'], { type: { type: 'valueType', value: tensor(FLOAT, 1) } }),
  );
  return graph;
}

function branch(name: string, opType: string): Graph {
  const output = `${name}_y`;
  return {
    ...createGraph(name),
    nodes: [createNode(opType, ['weighted'], [output])],
    outputs: [createValueInfo(output, tensor(FLOAT, 'batch', 4))],
  };
}

function scaledFunction(): ModelFunction {
  return {
    name: 'Scaled',
    domain: 'own',
    overload: '',
    inputs: ['a'],
    outputs: ['b'],
    attributeNames: ['alpha'],
    attributeDefaults: new Map([['beta', { type: 'int', value: 1n }]]),
    nodes: [
      createNode('Elu', ['a'], ['b'], { alpha: { type: 'reference', value: 'alpha', attributeType: 1 } }),
    ],
    opsets: [{ domain: '', version: 21 }],
    valueInfo: [],
    docString: 'scales',
    metadata: new Map(),
  };
}
