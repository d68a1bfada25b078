import { describe, expect, test } from 'vitest';
import { answersOf, fp32, modelOf, operatorsOf, relativeError, waves } from '../edit/edit.fixture.ts';
import {
  createConstant,
  createGraph,
  createNode,
  createValueInfo,
  elementTypes,
  type Graph,
  type Model,
  numbersOf,
  type ValueType,
  writeModel,
} from '../model/index.ts';
import { storeHalf } from './half.ts';
import { quantizeWeights } from './weight-only.ts';

function product(values: Float32Array): Model {
  return modelOf({
    inputs: { x: ['rows', 16] },
    outputs: { y: ['rows', 16] },
    constants: [createConstant('w', elementTypes.FLOAT, [16, 16], values)],
    nodes: [createNode('MatMul', ['x', 'w'], ['y'])],
  });
}

const x = fp32([2, 16], numbersOf(waves('x', [32], 0.5)));

async function errorOf(model: Model, variant: Model): Promise<number> {
  const [wanted, answer] = [await answersOf(model, { x }), await answersOf(variant, { x })];
  return relativeError(answer.y, wanted.y);
}

const wave = Float32Array.from(numbersOf(waves('w', [256], 0.3)));

describe('storeHalf', () => {
  test('half the bytes, the same interface, and errors of half precision only', async () => {
    const model = product(wave);
    const variant = storeHalf(model);
    expect(operatorsOf(variant)).toEqual(['Cast', 'MatMul']);
    expect([...variant.graph.initializers.values()]).toMatchObject([
      { dims: [16, 16], elementType: elementTypes.FLOAT16, data: { bytes: { byteLength: 512 } } },
    ]);
    expect(variant.graph.inputs).toEqual(model.graph.inputs);
    expect(variant.graph.outputs).toEqual(model.graph.outputs);
    const error = await errorOf(model, variant);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(2 ** -11);
  });

  test('numbers that half precision has are answered bit for bit', async () => {
    const model = product(wave.map((value) => Math.round(value * 64) / 64));
    expect(await errorOf(model, storeHalf(model))).toBe(0);
  });

  test.each<[string, Float32Array]>([
    ['overflow', wave.map((value) => value * 1e5)],
    ['vanish', wave.map((value) => value * 1e-8)],
    ['are not finite', wave.with(7, Number.NaN)],
  ])('numbers that %s stay as they are', (_, values) => {
    const model = product(values);
    expect(Buffer.compare(writeModel(storeHalf(model)), writeModel(model))).toBe(0);
  });

  test('small tensors, scales of integers and what callers may replace stay', () => {
    const small = modelOf({
      inputs: { x: [1, 8] },
      outputs: { y: [1, 8] },
      constants: [waves('w', [8, 8])],
      nodes: [createNode('MatMul', ['x', 'w'], ['y'])],
    });
    expect(operatorsOf(storeHalf(small))).toEqual(['MatMul']);

    const stored = quantizeWeights(product(wave), {
      bits: 4,
      blockSize: 16,
      form: 'blocked',
      symmetric: true,
      keep: new Set(),
    });
    stored.graph.initializers.set('other', waves('other', [128]));
    stored.graph.initializers.set('w_scale', waves('w_scale', [1, 128], 2));
    const half = storeHalf(stored);
    expect([...half.graph.initializers.keys()]).toEqual(['w_q', 'w_scale', 'other_half']);

    const replaceable = product(wave);
    const type: ValueType = { kind: 'tensor', elementType: elementTypes.FLOAT, shape: [16, 16] };
    replaceable.graph.inputs.push(createValueInfo('w', type));
    expect(operatorsOf(storeHalf(replaceable))).toEqual(['MatMul']);
  });

  test('a weight that several take, a body of an If and the outputs among them, is stored once', async () => {
    const body = (name: string, opType: string): Graph => ({
      ...createGraph(name),
      nodes: [createNode(opType, ['y', 'w'], [`${name}_z`])],
      outputs: [createValueInfo(`${name}_z`)],
    });
    const model = product(wave);
    model.graph.nodes.push(
      createNode('ReduceMax', ['y'], ['largest'], { keepdims: 0 }),
      createNode('Cast', ['largest'], ['flag'], { to: elementTypes.BOOL }),
      createNode('If', ['flag'], ['z'], {
        then_branch: { type: 'graph', value: body('then', 'MatMul') },
        else_branch: { type: 'graph', value: body('else', 'Add') },
      }),
    );
    const type: ValueType = { kind: 'tensor', elementType: elementTypes.FLOAT, shape: [null, 16] };
    model.graph.outputs.push(createValueInfo('z', type), createValueInfo('w', type));
    const variant = storeHalf(model);
    expect([...variant.graph.initializers.keys()]).toEqual(['w_half']);
    const [wanted, answer] = [await answersOf(model, { x }), await answersOf(variant, { x })];
    for (const name of ['y', 'z', 'w']) expect(relativeError(answer[name], wanted[name])).toBeLessThan(1e-3);
  });

  test('a weight of a body is stored in that body', async () => {
    const body: Graph = {
      ...createGraph('body'),
      initializers: new Map([['own', waves('own', [16, 16], 0.4)]]),
      nodes: [createNode('MatMul', ['x', 'own'], ['body_y'])],
      outputs: [createValueInfo('body_y')],
    };
    const model = modelOf({
      inputs: { x: [2, 16] },
      outputs: { y: [2, 16] },
      nodes: [
        createNode('ReduceMax', ['x'], ['largest'], { keepdims: 0 }),
        createNode('Cast', ['largest'], ['flag'], { to: elementTypes.BOOL }),
        createNode('If', ['flag'], ['y'], {
          then_branch: { type: 'graph', value: body },
          else_branch: {
            type: 'graph',
            value: {
              ...createGraph('other'),
              nodes: [createNode('Neg', ['x'], ['other_y'])],
              outputs: [createValueInfo('other_y')],
            },
          },
        }),
      ],
    });
    const variant = storeHalf(model);
    expect(writeModel(variant).byteLength).toBeLessThan(writeModel(model).byteLength - 300);
    const error = await errorOf(model, variant);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(1e-3);
  });
});
