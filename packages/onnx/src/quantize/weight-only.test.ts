import { describe, expect, test } from 'vitest';
import { answersOf, fp32, modelOf, operatorsOf, relativeError, waves } from '../edit/edit.fixture.ts';
import {
  createConstant,
  createGraph,
  createNode,
  createValueInfo,
  elementTypes,
  type Graph,
  numbersOf,
} from '../model/index.ts';
import { constantOf, options, product } from './weight-only.fixture.ts';
import { quantizeWeights } from './weight-only.ts';

describe('quantizeWeights', () => {
  test('convolutions and recurrent nodes keep their operators, their weights int8 for each channel', async () => {
    const model = modelOf({
      inputs: { x: [1, 8, 6, 6], s: [4, 1, 8] },
      outputs: { y: [1, 4, 6, 6], h: [1, 1, 8] },
      constants: [
        waves('w1', [16, 8, 3, 3], 0.3),
        waves('w2', [16, 4, 3, 3], 0.3),
        waves('w3', [1, 24, 8], 0.1),
        waves('w4', [1, 24, 8]),
      ],
      nodes: [
        createNode('Conv', ['x', 'w1'], ['c'], { pads: [1, 1, 1, 1] }),
        createNode('ConvTranspose', ['c', 'w2'], ['y'], { pads: [1, 1, 1, 1] }),
        createNode('GRU', ['s', 'w3', 'w4'], ['', 'h'], { hidden_size: 8 }),
      ],
    });
    // Weights of the GRU have 192 elements, too few to gain.
    const variant = quantizeWeights(model, options);
    expect(operatorsOf(variant)).toEqual([
      'DequantizeLinear',
      'Conv',
      'DequantizeLinear',
      'ConvTranspose',
      'GRU',
    ]);
    const [first, second] = variant.graph.nodes.filter(({ opType }) => opType === 'DequantizeLinear');
    expect(constantOf(variant, first?.inputs[1]).dims).toEqual([16]);
    expect(constantOf(variant, second?.inputs[1]).dims).toEqual([4]);
    const inputs = {
      x: fp32([1, 8, 6, 6], numbersOf(waves('x', [288], 0.5))),
      s: fp32([4, 1, 8], numbersOf(waves('s', [32]))),
    };
    const [wanted, answer] = [await answersOf(model, inputs), await answersOf(variant, inputs)];
    expect(relativeError(answer.y, wanted.y)).toBeLessThan(0.01);
    expect(relativeError(answer.h, wanted.h)).toBe(0);
  });

  test.each(['matmul-nbits', 'blocked'] as const)(
    '%s: nodes that share a weight share what it is stored as',
    (form) => {
      const model = modelOf({
        inputs: { a: [1, 16], b: [1, 16] },
        outputs: { y: [1, 16], z: [1, 16] },
        constants: [waves('w', [16, 16])],
        nodes: [createNode('MatMul', ['a', 'w'], ['y']), createNode('MatMul', ['b', 'w'], ['z'])],
      });
      const variant = quantizeWeights(model, { ...options, form });
      expect([...variant.graph.initializers.keys()]).toEqual(['w_q', 'w_scale']);
    },
  );

  test('a node that is kept keeps the weight for itself, others do without', async () => {
    const model = modelOf({
      inputs: { x: ['rows', 16] },
      outputs: { y: ['rows', 16], z: ['rows', 16] },
      constants: [waves('w', [16, 16], 0.3)],
      nodes: [createNode('MatMul', ['x', 'w'], ['y']), createNode('MatMul', ['x', 'w'], ['z'])],
    });
    const variant = quantizeWeights(model, { ...options, keep: new Set(['z']) });
    expect(operatorsOf(variant)).toEqual(['MatMulNBits', 'MatMul']);
    const x = fp32([2, 16], numbersOf(waves('x', [32], 0.5)));
    const [wanted, answer] = [await answersOf(model, { x }), await answersOf(variant, { x })];
    expect(answer.z).toEqual(wanted.z);
    expect(answer.y).not.toEqual(wanted.y);
    expect(relativeError(answer.y, wanted.y)).toBeLessThan(0.12);
  });

  test.each(['matmul-nbits', 'blocked'] as const)(
    '%s: bodies of an If that take a weight from outside',
    async (form) => {
      const body = (name: string, opType: string): Graph => ({
        ...createGraph(name),
        nodes: [
          createNode('MatMul', ['x', 'w'], [`${name}_p`]),
          createNode(opType, [`${name}_p`], [`${name}_y`]),
        ],
        outputs: [createValueInfo(`${name}_y`)],
      });
      const model = modelOf({
        inputs: { x: [1, 32] },
        outputs: { y: [1, 16] },
        constants: [waves('w', [32, 16], 0.3)],
        nodes: [
          createNode('ReduceMax', ['x'], ['largest'], { keepdims: 0 }),
          createNode('Cast', ['largest'], ['flag'], { to: elementTypes.BOOL }),
          createNode('If', ['flag'], ['y'], {
            then_branch: { type: 'graph', value: body('then', 'Neg') },
            else_branch: { type: 'graph', value: body('else', 'Exp') },
          }),
        ],
      });
      const variant = quantizeWeights(model, { ...options, form, bits: 8 });
      expect(variant.graph.initializers.has('w')).toBe(false);
      for (const scale of [0, 1]) {
        const x = fp32(
          [1, 32],
          numbersOf(waves('x', [32], 0.5)).map((value) => value * scale),
        );
        const [wanted, answer] = [await answersOf(model, { x }), await answersOf(variant, { x })];
        expect(relativeError(answer.y, wanted.y)).toBeLessThan(0.01);
      }
    },
  );

  test('senseless blocks and weights that are not finite are refused', () => {
    const model = product(waves('w', [16, 16]));
    expect(() => quantizeWeights(model, { ...options, blockSize: 20 })).toThrow(/blocks of 20/);
    const bad = createConstant('w', elementTypes.FLOAT, [16, 16], new Float32Array(256).fill(Number.NaN));
    expect(() => quantizeWeights(product(bad), options)).toThrow(/"w" holds NaN/);
  });
});
