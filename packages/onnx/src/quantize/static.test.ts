import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { calibrate } from '../calibrate/index.ts';
import {
  answersOf,
  floats,
  inputsFor,
  modelOf,
  operatorsOf,
  relativeError,
  waves,
} from '../edit/edit.fixture.ts';
import { editModel, standardPasses } from '../edit/index.ts';
import { arbitraryModel } from '../edit/random-model.fixture.ts';
import { addsExactly, ortExecution } from '../execution.fixture.ts';
import { createConstant, createNode, elementTypes, type Model } from '../model/index.ts';
import { quantizableNodes, quantizeStatic, type StaticOptions } from './static.ts';

const execution = ortExecution();
const scheme: StaticOptions = {
  activations: 'uint8',
  activationsSymmetric: false,
  weights: 'int7',
  weightsSymmetric: true,
  perChannel: true,
  keep: new Set(),
};
const minmax = { method: 'minmax' } as const;

/** Conv, Relu, Conv, Add of both, MaxPool, Flatten, Gemm. */
function network(): Model {
  return modelOf({
    inputs: { x: [1, 4, 8, 8] },
    outputs: { y: [1, 5] },
    constants: [
      waves('w1', [8, 4, 3, 3]),
      waves('b1', [8]),
      waves('w2', [8, 8, 1, 1]),
      waves('w3', [5, 128], 0.1),
      waves('b3', [5]),
    ],
    nodes: [
      createNode('Conv', ['x', 'w1', 'b1'], ['c1'], { pads: [1, 1, 1, 1] }),
      createNode('Relu', ['c1'], ['r1']),
      createNode('Conv', ['r1', 'w2'], ['c2']),
      createNode('Add', ['r1', 'c2'], ['s']),
      createNode('MaxPool', ['s'], ['p'], { kernel_shape: [2, 2], strides: [2, 2] }),
      createNode('Flatten', ['p'], ['f']),
      createNode('Gemm', ['f', 'w3', 'b3'], ['y'], { transB: 1 }),
    ],
  });
}

async function quantized(
  model: Model,
  options: StaticOptions = scheme,
): Promise<{ variant: Model; error: number }> {
  const ranges = await calibrate(model, execution, [inputsFor(model)], minmax);
  const variant = quantizeStatic(model, ranges, options);
  return { variant, error: await errorOf(model, variant) };
}

async function errorOf(model: Model, variant: Model, runBy = execution): Promise<number> {
  const sample = inputsFor(model);
  const wanted = await answersOf(model, sample);
  const answer = await answersOf(variant, sample, runBy);
  expect(Object.keys(answer)).toEqual(Object.keys(wanted));
  return Math.max(...Object.keys(wanted).map((name) => relativeError(answer[name], wanted[name])));
}

describe('quantizeStatic', () => {
  test('takes in what computes on integers, drops the Relu, and leaves inputs and outputs as they were', async () => {
    const model = network();
    expect(quantizableNodes(model).map(({ opType }) => opType)).toEqual([
      'Conv',
      'Conv',
      'Add',
      'MaxPool',
      'Flatten',
      'Gemm',
    ]);
    const { variant, error } = await quantized(model);
    expect(error).toBeLessThan(0.02);
    expect(operatorsOf(variant)).not.toContain('Relu');
    expect(variant.graph.inputs).toEqual(model.graph.inputs);
    expect(variant.graph.outputs).toEqual(model.graph.outputs);
    expect([...variant.graph.initializers.keys()]).not.toContain('w1');
  });

  test.each<[string, Partial<StaticOptions>]>([
    ['u8s7 per tensor', { perChannel: false }],
    ['u8u8', { weights: 'uint8', weightsSymmetric: false, perChannel: false }],
    ['u8u8 per channel', { weights: 'uint8', weightsSymmetric: false }],
    ['s8s7', { activations: 'int8' }],
    ['s8s7 symmetric, whose Relu stays', { activations: 'int8', activationsSymmetric: true }],
  ])('%s', async (_name, options) => {
    const { error } = await quantized(network(), { ...scheme, ...options });
    expect(error).toBeLessThan(0.03);
  });

  test.each<[StaticOptions['activations'], boolean]>([
    ['uint8', true],
    ['uint8', false],
    ['int8', true],
  ])(
    '%s activations and all of int8 for weights, per channel %s: near on integers only where those are added exactly',
    async (activations, perChannel) => {
      const model = network();
      const { variant, error } = await quantized(model, {
        ...scheme,
        activations,
        weights: 'int8',
        perChannel,
      });
      // As it stands, the graph computes with the same integers as real numbers.
      expect(await errorOf(model, variant, ortExecution({ optimize: false }))).toBeLessThan(0.03);
      expect(error < 0.03).toBe(await addsExactly());
    },
  );

  test('a node that is kept stays as it is, with its fp32 weight', async () => {
    const { variant } = await quantized(network(), { ...scheme, keep: new Set(['c2']) });
    const kept = variant.graph.nodes.find(({ name }) => name === 'c2');
    expect(kept?.inputs[1]).toBe('w2');
    expect(variant.graph.initializers.get('w2')?.elementType).toBe(elementTypes.FLOAT);
  });

  test('keeping everything changes nothing', async () => {
    const model = network();
    const keep = new Set(quantizableNodes(model).map(({ name }) => name));
    const { variant, error } = await quantized(model, { ...scheme, keep });
    expect(error).toBe(0);
    expect(operatorsOf(variant)).toEqual(operatorsOf(model));
  });

  test('a bias far beyond the products does not overflow int32', async () => {
    const model = network();
    model.graph.initializers.set(
      'b1',
      createConstant('b1', elementTypes.FLOAT, [8], new Float32Array(8).fill(1e9)),
    );
    const tiny = new Float32Array(8 * 4 * 9).fill(1e-6);
    model.graph.initializers.set('w1', createConstant('w1', elementTypes.FLOAT, [8, 4, 3, 3], tiny));
    expect((await quantized(model)).error).toBeLessThan(0.02);
  });

  test('a missing range and senseless types are refused', async () => {
    expect(() => quantizeStatic(network(), new Map(), scheme)).toThrow(/no calibrated range for "x"/);
    expect(() =>
      quantizeStatic(network(), new Map(), { ...scheme, activations: 'int8', weights: 'uint8' }),
    ).toThrow(/int8 activations need int8 weights/);
  });

  test('random models load, run and stay near', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryModel(), fc.boolean(), async (original, perChannel) => {
        const { model } = await editModel(original, standardPasses, execution);
        const sample = inputsFor(model);
        const wanted = await answersOf(model, sample);
        const largestInput = Math.max(
          ...Object.values(sample).flatMap((input) => [...floats(input)].map(Math.abs)),
        );
        const ranges = await calibrate(model, execution, [sample], minmax);
        const variant = quantizeStatic(model, ranges, { ...scheme, perChannel });
        const answer = await answersOf(variant, sample);
        for (const [name, tensor] of Object.entries(wanted)) {
          const numbers = floats(tensor);
          // A mean may cancel to almost nothing what it is taken of, and what that was rounded by stays.
          const largest = Math.max(...numbers.map(Math.abs), 0.2 * largestInput);
          const given = floats(answer[name] ?? tensor);
          for (const [i, value] of numbers.entries())
            expect(Math.abs((given[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(0.25 * largest + 1e-6);
        }
      }),
      { numRuns: process.env.COVEY_LONG === undefined ? 15 : 200 },
    );
  });
});
