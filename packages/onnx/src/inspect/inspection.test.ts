import { describe, expect, test } from 'vitest';
import { createModel } from '../graph/index.ts';
import {
  createConstant,
  createGraph,
  createNode,
  createValueInfo,
  elementTypes,
  type Graph,
  type Model,
} from '../model/index.ts';
import { inspectModel } from './index.ts';

const { FLOAT, INT8, UINT8 } = elementTypes;

function weight(graph: Graph, name: string, elementType: number, ...dims: number[]): void {
  const count = dims.reduce((product, size) => product * size, 1);
  const elements = elementType === FLOAT ? new Float32Array(count) : new Uint8Array(count);
  graph.initializers.set(name, createConstant(name, elementType, dims, elements));
}

/** [batch, 4, 8, 8] convolved to 6 channels, then a ReLU and a matrix. */
function exampleModel(): Model {
  const graph = createGraph('example');
  graph.inputs = [createValueInfo('x', { kind: 'tensor', elementType: FLOAT, shape: ['batch', 4, 8, 8] })];
  weight(graph, 'w', FLOAT, 6, 4, 3, 3);
  weight(graph, 'm', FLOAT, 384, 10);
  graph.nodes = [
    createNode('Conv', ['x', 'w'], ['c'], { pads: [1, 1, 1, 1] }),
    createNode('Relu', ['c'], ['r']),
    createNode('Flatten', ['r'], ['f']),
    createNode('MatMul', ['f', 'm'], ['y']),
  ];
  graph.outputs = [createValueInfo('y', { kind: 'tensor', elementType: FLOAT, shape: ['batch', 10] })];
  return createModel(graph);
}

test('parameters, multiply-accumulates and the peak of activations are those counted by hand', () => {
  const { weights, figures, symbols, schema } = inspectModel(exampleModel(), { batch: 2 });
  expect(weights.count).toBe(6 * 4 * 9 + 3_840);
  expect(figures?.compute.byOperator).toEqual([
    { operator: 'Conv', multiplyAccumulates: 2 * 6 * 64 * 4 * 9 },
    { operator: 'MatMul', multiplyAccumulates: 2 * 384 * 10 },
  ]);
  // While the ReLU runs, what it takes and what it makes: both [2, 6, 8, 8].
  expect(figures?.activations).toEqual({ peakBytes: 2 * (2 * 6 * 64) * 4, peakAt: 'r', unsized: 0 });
  expect(symbols).toEqual([]);
  expect(schema?.inputs[0]?.shape).toEqual([-1, 4, 8, 8]);
});

test('without sizes what is open is said to be', () => {
  const { figures, symbols } = inspectModel(exampleModel());
  expect(symbols).toEqual(['batch']);
  expect(figures?.compute).toMatchObject({ multiplyAccumulates: 0, uncounted: 2 });
  expect(figures?.activations.unsized).toBe(5);
  expect(() => inspectModel(exampleModel(), { bathc: 1 })).toThrow(/no open dimension "bathc"; it has batch/);
});

test('of an If the costlier branch counts', () => {
  const branch = (width: number) => {
    const graph = createGraph('branch');
    weight(graph, `w${width}`, FLOAT, 4, width);
    graph.nodes = [createNode('MatMul', ['x', `w${width}`], [`y${width}`])];
    graph.outputs = [createValueInfo(`y${width}`)];
    return graph;
  };
  const graph = createGraph('choice');
  graph.inputs = [
    createValueInfo('x', { kind: 'tensor', elementType: FLOAT, shape: [1, 4] }),
    createValueInfo('c', { kind: 'tensor', elementType: elementTypes.BOOL, shape: [] }),
  ];
  graph.nodes = [
    createNode('If', ['c'], ['y'], {
      then_branch: { type: 'graph', value: branch(5) },
      else_branch: { type: 'graph', value: branch(7) },
    }),
  ];
  graph.outputs = [createValueInfo('y')];
  expect(inspectModel(createModel(graph)).figures?.compute.multiplyAccumulates).toBe(4 * 7);
});

describe('quantization is found in its form', () => {
  const quantized = (...nodes: ReturnType<typeof createNode>[]) => {
    const model = exampleModel();
    weight(model.graph, 'q', INT8, 4, 4);
    weight(model.graph, 's', FLOAT);
    weight(model.graph, 'z', UINT8);
    model.graph.nodes.push(...nodes);
    return inspectModel(model).quantization;
  };
  const dequantized = createNode('DequantizeLinear', ['q', 's'], ['d']);

  test('weights alone, or with activations', () => {
    expect(quantized(dequantized)).toEqual([{ form: 'weight-only', nodes: 1, weightTypes: ['INT8'] }]);
    const pair = [
      createNode('QuantizeLinear', ['y', 's', 'z'], ['yq']),
      createNode('DequantizeLinear', ['yq', 's', 'z'], ['yd']),
    ];
    expect(quantized(...pair, dequantized)).toEqual([
      { form: 'static QDQ', nodes: 2, weightTypes: ['INT8'] },
    ]);
  });

  test('at run time', () => {
    expect(quantized(createNode('DynamicQuantizeLinear', ['y'], ['a', 'b', 'c2']))).toEqual([
      { form: 'dynamic', nodes: 1, weightTypes: [] },
    ]);
    expect(quantized()).toEqual([]);
  });
});

test('types that contradict each other are a finding, and there are no figures', () => {
  const model = exampleModel();
  weight(model.graph, 'm', FLOAT, 99, 10);
  const { findings, figures } = inspectModel(model);
  expect(figures).toBeUndefined();
  expect(findings).toContainEqual(
    expect.objectContaining({
      severity: 'error',
      message: expect.stringContaining('inner dimensions differ'),
    }),
  );
});
