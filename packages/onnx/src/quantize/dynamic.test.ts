import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answersOf, fp32, modelOf, operatorsOf, relativeError, waves } from '../edit/edit.fixture.ts';
import { addsExactly } from '../execution.fixture.ts';
import {
  createConstant,
  createGraph,
  createNode,
  createValueInfo,
  elementTypes,
  type Graph,
  type Model,
  numbersOf,
} from '../model/index.ts';
import { type DynamicOptions, quantizeDynamic } from './dynamic.ts';

const options: DynamicOptions = { weights: 'int7', perChannel: true, keep: new Set() };
const input = (rows: number, columns: number, factor = 1) =>
  fp32(
    [rows, columns],
    numbersOf(waves('x', [rows * columns], 0.3)).map((value) => value * factor),
  );

/** Gemm with a bias and its weight as [N, K], Relu, MatMul. */
function network(): Model {
  return modelOf({
    inputs: { x: ['rows', 24] },
    outputs: { y: ['rows', 10] },
    constants: [waves('w1', [32, 24]), waves('b1', [32]), waves('w2', [32, 10], 0.2)],
    nodes: [
      createNode('Gemm', ['x', 'w1', 'b1'], ['g'], { transB: 1 }),
      createNode('Relu', ['g'], ['r']),
      createNode('MatMul', ['r', 'w2'], ['y']),
    ],
  });
}

async function errorOf(model: Model, variant: Model, x = input(3, 24)): Promise<number> {
  const [wanted, answer] = [await answersOf(model, { x }), await answersOf(variant, { x })];
  expect(Object.keys(answer)).toEqual(Object.keys(wanted));
  return Math.max(...Object.keys(wanted).map((name) => relativeError(answer[name], wanted[name])));
}

describe('quantizeDynamic', () => {
  test.each<[DynamicOptions['weights'], boolean]>([
    ['int7', true],
    ['int7', false],
    ['int8', true],
    ['int8', false],
    ['uint8', true],
    ['uint8', false],
  ])(
    'products on integers with %s weights, per channel %s, whatever the size of the activations',
    async (weights, perChannel) => {
      const model = network();
      const variant = quantizeDynamic(model, { ...options, weights, perChannel });
      const products = operatorsOf(variant).filter((opType) => opType === 'MatMulInteger');
      expect(products).toHaveLength(2);
      expect(variant.graph.inputs).toEqual(model.graph.inputs);
      expect(variant.graph.outputs).toEqual(model.graph.outputs);
      const { initializers } = variant.graph;
      const type = weights === 'uint8' ? elementTypes.UINT8 : elementTypes.INT8;
      expect(initializers.get('w1_q')).toMatchObject({ dims: [24, 32], elementType: type });
      expect(initializers.get('w1_scale')?.dims).toEqual(perChannel ? [32] : []);
      expect([initializers.has('w1'), initializers.has('w2'), initializers.has('b1')]).toEqual([
        false,
        false,
        true,
      ]);
      expect(await errorOf(model, variant)).toBeGreaterThan(0);
      expect(await errorOf(model, variant, input(2, 24, 0))).toBeLessThan(0.02);
      // All of int8 is right only where a processor adds exactly.
      const isNear = weights !== 'int8' || (await addsExactly());
      for (const x of [input(3, 24), input(1, 24, 1000)])
        expect((await errorOf(model, variant, x)) < 0.02).toBe(isNear);
    },
  );

  test('random sizes stay near', { timeout: 60_000 }, async () => {
    const size = fc.integer({ min: 1, max: 40 });
    await fc.assert(
      fc.asyncProperty(size, size, size, fc.boolean(), async (rows, k, n, perChannel) => {
        const model = modelOf({
          inputs: { x: [rows, k] },
          outputs: { y: [rows, n] },
          constants: [waves('w', [k, n])],
          nodes: [createNode('MatMul', ['x', 'w'], ['y'])],
        });
        const variant = quantizeDynamic(model, { ...options, perChannel });
        const x = input(rows, k);
        const [wanted, answer] = [await answersOf(model, { x }), await answersOf(variant, { x })];
        const values = numbersOf(
          createConstant('', elementTypes.FLOAT, [rows * n], wanted.y?.data ?? new Uint8Array()),
        );
        const given = numbersOf(
          createConstant('', elementTypes.FLOAT, [rows * n], answer.y?.data ?? new Uint8Array()),
        );
        // Each of the k terms is off by half a step of 2/255 on one side, times 1, and of 1/64 on the other, times 1.3, at most.
        for (const [i, value] of values.entries())
          expect(Math.abs((given[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(k * 0.0143);
      }),
      { numRuns: process.env.COVEY_LONG === undefined ? 15 : 200 },
    );
  });

  test('nodes that take the same activation or weight share its integers', async () => {
    const model = modelOf({
      inputs: { x: ['rows', 24] },
      outputs: { y: ['rows', 24], z: ['rows', 24] },
      constants: [waves('w', [24, 24])],
      nodes: [createNode('MatMul', ['x', 'w'], ['y']), createNode('MatMul', ['x', 'w'], ['z'])],
    });
    const variant = quantizeDynamic(model, options);
    const operators = operatorsOf(variant);
    expect(operators.filter((opType) => opType === 'DynamicQuantizeLinear')).toHaveLength(1);
    expect([...variant.graph.initializers.keys()]).toEqual(['w_q', 'w_scale', 'zero']);
    expect(await errorOf(model, variant)).toBeLessThan(0.02);
  });

  test('a weight taken as it is and transposed is stored both ways', async () => {
    const model = modelOf({
      inputs: { x: ['rows', 24] },
      outputs: { y: ['rows', 24], z: ['rows', 24] },
      constants: [waves('w', [24, 24])],
      nodes: [createNode('Gemm', ['x', 'w'], ['y']), createNode('Gemm', ['x', 'w'], ['z'], { transB: 1 })],
    });
    expect(await errorOf(model, quantizeDynamic(model, options))).toBeLessThan(0.02);
  });

  test('a node that is kept stays in fp32 with its weight', async () => {
    const model = network();
    const variant = quantizeDynamic(model, { ...options, keep: new Set(['g', 'y']) });
    expect(operatorsOf(variant)).toEqual(operatorsOf(model));
    expect(await errorOf(model, variant)).toBe(0);
    const half = quantizeDynamic(model, { ...options, keep: new Set(['g']) });
    expect(half.graph.initializers.get('w1')?.elementType).toBe(elementTypes.FLOAT);
    expect(half.graph.initializers.has('w2')).toBe(false);
  });

  test('bodies of an If, which take weights of their own and from outside', async () => {
    const body = (name: string, weight: string): Graph => ({
      ...createGraph(name),
      initializers: new Map([['own', waves('own', [24, 10], 0.5)]]),
      nodes: [createNode('MatMul', ['x', weight], [`${name}_y`])],
      outputs: [createValueInfo(`${name}_y`)],
    });
    const model = modelOf({
      inputs: { x: [3, 24] },
      outputs: { y: [3, 10] },
      constants: [waves('w', [24, 10], 0.5)],
      nodes: [
        createNode('ReduceMax', ['x'], ['largest'], { keepdims: 0 }),
        createNode('Cast', ['largest'], ['flag'], { to: elementTypes.BOOL }),
        createNode('If', ['flag'], ['y'], {
          then_branch: { type: 'graph', value: body('then', 'w') },
          else_branch: { type: 'graph', value: body('else', 'own') },
        }),
      ],
    });
    const variant = quantizeDynamic(model, options);
    expect(variant.graph.initializers.has('w')).toBe(false);
    for (const factor of [0, 1])
      expect(await errorOf(model, variant, input(3, 24, factor))).toBeLessThan(0.02);
  });

  test('what is no product of an activation with a matrix stays', () => {
    const model = modelOf({
      inputs: { x: [2, 4, 24], m: [24, 8] },
      outputs: { y: [2, 4, 8], z: [2, 4, 8], s: [24, 8] },
      constants: [waves('w', [2, 24, 8]), waves('v', [2, 4, 24]), waves('a', [24, 24]), waves('b', [24, 8])],
      nodes: [
        createNode('MatMul', ['x', 'w'], ['y']),
        createNode('MatMul', ['v', 'm'], ['z']),
        createNode('Gemm', ['a', 'm', 'b'], ['s'], { alpha: { type: 'float', value: 2 } }),
      ],
    });
    expect(operatorsOf(quantizeDynamic(model, options))).toEqual(['MatMul', 'MatMul', 'Gemm']);
  });

  test('an old model is brought to an opset that has the operators; weights that are not finite are refused', async () => {
    const model = { ...network(), opsets: [{ domain: '', version: 9 }] };
    const variant = quantizeDynamic(model, options);
    expect(variant.opsets[0]?.version).toBe(13);
    expect(await errorOf(model, variant)).toBeLessThan(0.02);
    const infinite = createConstant(
      'w2',
      elementTypes.FLOAT,
      [32, 10],
      new Float32Array(320).fill(Number.POSITIVE_INFINITY),
    );
    model.graph.initializers.set('w2', infinite);
    expect(() => quantizeDynamic(model, options)).toThrow(/"w2" holds NaN or infinity/);
  });
});
