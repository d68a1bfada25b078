import { describe, expect, test } from 'vitest';
import { createModel } from '../graph/index.ts';
import {
  type AttributeInput,
  createConstant,
  createGraph,
  createNode,
  createValueInfo,
  type Dimension,
  elementTypes,
  type Graph,
  type Model,
} from '../model/index.ts';
import { inferShapes } from './index.ts';

const { FLOAT, INT64, BOOL } = elementTypes;

/** A graph of inputs by their shapes and of nodes. */
function graphOf(
  inputs: Record<string, [elementType: number, ...shape: Dimension[]]>,
  nodes: [opType: string, inputs: string[], outputs: string[], attributes?: Record<string, AttributeInput>][],
  outputs: string[],
): Graph {
  const graph = createGraph('graph');
  graph.inputs = Object.entries(inputs).map(([name, [elementType, ...shape]]) =>
    createValueInfo(name, { kind: 'tensor', elementType, shape }),
  );
  graph.nodes = nodes.map(([opType, taken, made, attributes]) => createNode(opType, taken, made, attributes));
  graph.outputs = outputs.map((name) => createValueInfo(name));
  return graph;
}

function integers(graph: Graph, name: string, ...values: number[]): void {
  graph.initializers.set(
    name,
    createConstant(name, INT64, [values.length], BigInt64Array.from(values, BigInt)),
  );
}

const shapeIn = (model: Model, name: string, sizes?: Record<string, number>) =>
  inferShapes(model, sizes).get(name)?.shape;

describe('symbols', () => {
  /** What exporters write for x.view(x.size(0), -1), then a convolution's strides, then a sum of sizes. */
  const graph = graphOf(
    { x: [FLOAT, 'batch', 3, 'height', 4], w: [FLOAT, 8, 3, 3, 3] },
    [
      ['Shape', ['x'], ['dims']],
      ['Gather', ['dims', 'zero'], ['first']],
      ['Concat', ['first', 'open'], ['wanted'], { axis: 0 }],
      ['Reshape', ['x', 'wanted'], ['flat']],
      ['Conv', ['x', 'w'], ['smaller'], { strides: [2, 1] }],
      ['Concat', ['x', 'x'], ['taller'], { axis: 2 }],
    ],
    ['flat', 'smaller', 'taller'],
  );
  integers(graph, 'zero', 0);
  integers(graph, 'open', -1);
  const model = createModel(graph);

  test('are carried through shape arithmetic in one canonical form', () => {
    expect(shapeIn(model, 'flat')).toEqual(['batch', '12*height']);
    expect(shapeIn(model, 'smaller')).toEqual(['batch', 8, 'floor((height + 1)/2) - 1', 2]);
    expect(shapeIn(model, 'taller')).toEqual(['batch', 3, '2*height', 4]);
  });

  test('become numbers where sizes are given', () => {
    const sizes = { batch: 5, height: 10 };
    expect(shapeIn(model, 'flat', sizes)).toEqual([5, 120]);
    expect(shapeIn(model, 'smaller', sizes)).toEqual([5, 8, 4, 2]);
  });

  test('an input that leaves a dimension open gets a symbol of its own; "?" and -1 are such', () => {
    const open = createModel(graphOf({ x: [FLOAT, null, '?', -1, 2] }, [['Relu', ['x'], ['y']]], ['y']));
    expect(shapeIn(open, 'y')).toEqual(['x[0]', 'x[1]', 'x[2]', 2]);
    expect(shapeIn(open, 'y', { 'x[0]': 7 })).toEqual([7, 'x[1]', 'x[2]', 2]);
  });
});

describe('control flow', () => {
  const branch = (opType: string) => graphOf({}, [[opType, ['x'], ['inner']]], ['inner']);
  const choice = (condition: string) =>
    graphOf(
      { x: [FLOAT, 2, 3], unknown: [BOOL] },
      [
        ['Shape', ['x'], ['dims']],
        ['Size', ['dims'], ['rank']],
        ['Equal', ['rank', 'rank'], ['always']],
        [
          'If',
          [condition],
          ['y'],
          {
            then_branch: { type: 'graph', value: branch('Transpose') },
            else_branch: { type: 'graph', value: branch('Relu') },
          },
        ],
      ],
      ['y'],
    );

  test('a branch that is known to be taken decides; else what holds of both', () => {
    expect(shapeIn(createModel(choice('always')), 'y')).toEqual([3, 2]);
    expect(shapeIn(createModel(choice('unknown')), 'y')).toEqual([null, null]);
  });

  test('what a Loop changes from turn to turn is unknown, what it keeps is known', () => {
    const body = graphOf(
      { turn: [INT64], going: [BOOL], grows: [FLOAT, null], stays: [FLOAT, null] },
      [
        ['Concat', ['grows', 'grows'], ['longer'], { axis: 0 }],
        ['Relu', ['stays'], ['same']],
        ['Identity', ['going'], ['goes']],
      ],
      ['goes', 'longer', 'same', 'same'],
    );
    const graph = graphOf(
      { turns: [INT64], first: [BOOL], a: [FLOAT, 2], b: [FLOAT, 3] },
      [
        [
          'Loop',
          ['turns', 'first', 'a', 'b'],
          ['long', 'kept', 'all'],
          { body: { type: 'graph', value: body } },
        ],
      ],
      ['long', 'kept', 'all'],
    );
    const model = createModel(graph);
    expect(['long', 'kept', 'all'].map((name) => shapeIn(model, name))).toEqual([[null], [3], [null, 3]]);
  });
});

describe('what is not known, and what is wrong', () => {
  test('an unknown operator leaves its outputs unknown, or as the file states them', () => {
    const graph = graphOf({ x: [FLOAT, 2] }, [['Mystery', ['x'], ['y', 'z']]], ['y']);
    graph.valueInfo = [createValueInfo('z', { kind: 'tensor', elementType: INT64, shape: [4] })];
    const types = inferShapes(createModel(graph));
    expect([types.get('y'), types.get('z')]).toEqual([undefined, { elementType: INT64, shape: [4] }]);
  });

  test('a function of the model is followed, with the attributes of the call', () => {
    const graph = graphOf({ x: [FLOAT, 2, 3] }, [], ['y']);
    graph.nodes = [createNode('Turned', ['x'], ['y'], { order: [1, 0] }, 'own')];
    const model = createModel(graph);
    const inner = createNode('Transpose', ['a'], ['b']);
    inner.attributes.set('perm', { type: 'reference', value: 'order', attributeType: 7 });
    model.functions = [
      {
        ...{ name: 'Turned', domain: 'own', overload: '', inputs: ['a'], outputs: ['b'], nodes: [inner] },
        ...{ attributeNames: ['order'], attributeDefaults: new Map(), opsets: model.opsets, valueInfo: [] },
        ...{ docString: '', metadata: new Map() },
      },
    ];
    expect(shapeIn(model, 'y')).toEqual([3, 2]);
    // One that calls itself ends too.
    model.functions[0]?.nodes.push(
      createNode('Turned', ['b'], ['c'], {}, 'own'),
      createNode('Turned', ['b'], ['d'], {}, 'own'),
    );
    expect(shapeIn(model, 'y')).toEqual([3, 2]);
  });

  test('operands that do not fit are an error that names the node', () => {
    const model = createModel(
      graphOf({ x: [FLOAT, 2], y: [FLOAT, 3] }, [['Add', ['x', 'y'], ['sum']]], ['sum']),
    );
    expect(() => inferShapes(model)).toThrow('node "sum" (Add): the shapes [2] and [3] do not broadcast');
  });

  test('sizes beyond 2^53 and expressions without end are unknown, not wrong', () => {
    const doublings = Array.from({ length: 60 }, (_, index) => index);
    const graph = graphOf(
      { x: [FLOAT, 3, 'n', 'm'], huge: [FLOAT, 2 ** 40, 2 ** 40] },
      [
        ...doublings.map((index): [string, string[], string[], Record<string, AttributeInput>] => [
          'Concat',
          [`x${index}`, `x${index}`],
          [`x${index + 1}`],
          { axis: 0 },
        ]),
        ['Flatten', ['huge'], ['flat'], { axis: 0 }],
      ],
      ['x60'],
    );
    const [first] = graph.nodes;
    if (first) first.inputs = ['x', 'x'];
    const types = inferShapes(createModel(graph));
    expect(types.get('x60')?.shape).toEqual([null, 'n', 'm']);
    expect(types.get('flat')?.shape).toEqual([1, null]);
  });

  test('negative sizes are unknown', () => {
    const graph = graphOf({}, [['ConstantOfShape', ['dims'], ['filled']]], ['filled']);
    integers(graph, 'dims', -3, 2);
    expect(shapeIn(createModel(graph), 'filled')).toEqual([null, 2]);
  });
});
