import { describe, expect, test } from 'vitest';
import { answersOf, fp32, modelOf, operatorsOf, relativeError, waves } from '../edit/edit.fixture.ts';
import { type AttributeInput, createNode, elementTypes, type Model, numbersOf } from '../model/index.ts';
import { quantizeDynamic } from './dynamic.ts';
import { microsoft } from './opset.ts';

const options = { weights: 'int7', perChannel: true, keep: new Set<string>() } as const;
const [steps, features, hidden] = [6, 12, 20];

function recurrent(attributes: Record<string, AttributeInput> = {}, directions = 1): Model {
  const state = [directions, 1, hidden];
  return modelOf({
    inputs: { x: [steps, 1, features], h0: state, c0: state },
    outputs: { y: [steps, directions, 1, hidden], h: state, c: state },
    constants: [
      waves('w', [directions, 4 * hidden, features]),
      waves('r', [directions, 4 * hidden, hidden]),
      waves('b', [directions, 8 * hidden]),
    ],
    nodes: [
      createNode('LSTM', ['x', 'w', 'r', 'b', '', 'h0', 'c0'], ['y', 'h', 'c'], {
        hidden_size: hidden,
        ...attributes,
      }),
    ],
  });
}

function inputs(directions = 1) {
  const tensor = (...shape: number[]) => fp32(shape, numbersOf(waves('', shape)));
  return {
    x: tensor(steps, 1, features),
    h0: tensor(directions, 1, hidden),
    c0: tensor(directions, 1, hidden),
  };
}

describe('LSTM on integers', () => {
  test.each([
    ['int7', 'forward'],
    ['int7', 'reverse'],
    ['uint8', 'forward'],
  ] as const)('%s, %s: every output stays near, states included', async (weights, direction) => {
    const text = { type: 'string', value: new TextEncoder().encode(direction) } as const;
    const model = recurrent({ direction: text });
    const variant = quantizeDynamic(model, { ...options, weights });
    expect(operatorsOf(variant)).toEqual(['DynamicQuantizeLSTM']);
    expect(variant.opsets).toContainEqual({ domain: microsoft, version: 1 });
    expect(variant.graph.outputs).toEqual(model.graph.outputs);
    const { initializers } = variant.graph;
    expect(initializers.get('w_q')).toMatchObject({
      dims: [1, features, 4 * hidden],
      elementType: weights === 'uint8' ? elementTypes.UINT8 : elementTypes.INT8,
    });
    expect(initializers.get('r_scale')?.dims).toEqual([1, 4 * hidden]);
    expect([initializers.has('w'), initializers.has('r'), initializers.has('b')]).toEqual([
      false,
      false,
      true,
    ]);
    const [wanted, answer] = [await answersOf(model, inputs()), await answersOf(variant, inputs())];
    for (const name of ['y', 'h', 'c']) {
      const error = relativeError(answer[name], wanted[name]);
      expect(error).toBeGreaterThan(0);
      expect(error).toBeLessThan(0.03);
    }
  });

  test('two directions and batches first, which the operator gets wrong or lacks, stay in fp32', async () => {
    const both = { type: 'string', value: new TextEncoder().encode('bidirectional') } as const;
    const model = recurrent({ direction: both }, 2);
    const variant = quantizeDynamic(model, options);
    expect(operatorsOf(variant)).toEqual(['LSTM']);
    expect(await answersOf(variant, inputs(2))).toEqual(await answersOf(model, inputs(2)));
    expect(operatorsOf(quantizeDynamic(recurrent({ layout: 1 }), options))).toEqual(['LSTM']);
  });

  test('a kept node stays; two that share weights share their integers', async () => {
    expect(operatorsOf(quantizeDynamic(recurrent(), { ...options, keep: new Set(['y']) }))).toEqual(['LSTM']);
    const model = recurrent();
    const [first] = model.graph.nodes;
    if (first) model.graph.nodes.push({ ...first, name: 'second', outputs: ['y2', 'h2', 'c2'] });
    const variant = quantizeDynamic(model, options);
    expect(operatorsOf(variant)).toEqual(['DynamicQuantizeLSTM', 'DynamicQuantizeLSTM']);
    expect([...variant.graph.initializers.keys()].filter((name) => name.startsWith('w'))).toEqual([
      'w_q',
      'w_scale',
    ]);
    expect(Object.keys(await answersOf(variant, inputs()))).toEqual(['y', 'h', 'c']);
  });
});
