import { existsSync, readFileSync } from 'node:fs';
import { CoveyError, type Tensor } from '@covey/protocol';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNode, type Model, readModel } from '../model/index.ts';
import { answersOf, expectSame, inputsFor, integers, modelOf, type Tensors, waves } from './edit.fixture.ts';
import { dynamicBatch, editModel, standardPasses } from './index.ts';
import { arbitraryModel } from './random-model.fixture.ts';

const batchSize = 3;

/** Expects of a batch what three runs of the original answer, put together along the axis that its outputs leave open. */
async function expectBatchable(original: Model, edited: Model): Promise<void> {
  const singles = Array.from({ length: batchSize }, (_, phase) => inputsFor(original, { phase }));
  const expected = await Promise.all(singles.map((inputs) => answersOf(original, inputs)));
  const actual = await answersOf(edited, joined(singles, new Map()));
  const axes = new Map(
    edited.graph.outputs.map(({ name, type }) => [
      name,
      type?.kind === 'tensor' ? (type.shape?.findIndex((size) => typeof size !== 'number') ?? -1) : -1,
    ]),
  );
  expectSame(actual, joined(expected, axes));
}

function joined(parts: readonly Tensors[], axes: ReadonlyMap<string, number>): Tensors {
  const names = Object.keys(parts[0] ?? {});
  return Object.fromEntries(
    names.map((name) => {
      const tensors = parts.flatMap((part) => part[name] ?? []);
      return [name, concatenated(tensors, axes.get(name) ?? 0)];
    }),
  );
}

function concatenated(tensors: readonly Tensor[], axis: number): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new Error('nothing to join');
  if (axis < 0) return first;
  const outer = first.shape.slice(0, axis).reduce((product, size) => product * size, 1);
  const chunk = first.data.byteLength / outer;
  const chunks = Array.from({ length: outer }, (_, index) =>
    tensors.map(({ data }) => data.subarray(index * chunk, (index + 1) * chunk)),
  );
  const shape = first.shape.with(axis, (first.shape[axis] ?? 0) * tensors.length);
  return { ...first, shape, data: new Uint8Array(Buffer.concat(chunks.flat())) };
}

describe('dynamic-batch', () => {
  it('gives for random models what their samples give one by one, or says what fixes the batch', async () => {
    let varied = 0;
    await fc.assert(
      fc.asyncProperty(arbitraryModel(), async (model) => {
        try {
          const { model: edited } = await editModel(model, [dynamicBatch]);
          await expectBatchable(model, edited);
          varied += 1;
        } catch (error) {
          if (!(error instanceof CoveyError) || error.code !== 'MODEL_UNSUPPORTED') throw error;
        }
      }),
      { numRuns: process.env.COVEY_LONG === undefined ? 60 : 200 },
    );
    expect(varied).toBeGreaterThan(10);
  });

  it('rewrites a target shape that states the batch, and leaves one that another node needs as it was', async () => {
    const model = modelOf({
      inputs: { x: [1, 2, 4] },
      outputs: { y: [1, 8], z: [1, 8] },
      constants: [integers('target', [1, 8]), waves('w', [1, 8])],
      nodes: [createNode('Reshape', ['x', 'target'], ['y']), createNode('Reshape', ['w', 'target'], ['z'])],
    });
    const { model: edited } = await editModel(model, [dynamicBatch]);
    await expectBatchable(model, edited);
    expect(edited.graph.outputs.map(({ type }) => type?.kind === 'tensor' && type.shape)).toEqual([
      ['batch', 8],
      [1, 8],
    ]);
  });

  it('names the nodes that fix the batch, and how', async () => {
    const model = modelOf({
      inputs: { x: [1, 4] },
      outputs: { y: [1, 1], z: [1, 4] },
      constants: [integers('axes', [0, 1])],
      nodes: [
        createNode('ReduceSum', ['x', 'axes'], ['y']),
        createNode('Softmax', ['x'], ['z'], { axis: 0 }),
      ],
    });
    await expect(editModel(model, [dynamicBatch])).rejects.toThrow(
      'the batch size of the model cannot vary: node "y" (ReduceSum): it reduces the axis of the samples; ' +
        'node "z" (Softmax): it works along the axis of the samples',
    );
  });

  it('refuses constants that have one part per sample', async () => {
    const model = modelOf({
      inputs: { x: [2, 4] },
      outputs: { y: [2, 4] },
      constants: [waves('w', [2, 4])],
      nodes: [createNode('Add', ['x', 'w'], ['y'])],
    });
    await expect(editModel(model, [dynamicBatch])).rejects.toThrow('"w" has one part per sample');
  });

  it('leaves alone a model that takes any batch', async () => {
    const model = modelOf({
      inputs: { x: ['n', 4] },
      outputs: { y: ['n', 4] },
      nodes: [createNode('Relu', ['x'], ['y'])],
    });
    expect((await editModel(model, [dynamicBatch])).changes).toEqual({ 'dynamic-batch': 0 });
  });
});

const folder = new URL('../../../../../shared/data/models/', import.meta.url);

describe.skipIf(!existsSync(folder))('real models (skipped where ../shared/data is absent)', () => {
  it.each(['mnist.onnx', 'face-rfb-320.onnx', 'light_resnet50.onnx', 'light_squeezenet.onnx'])(
    '%s takes a batch of three',
    async (file) => {
      const model = readModel(new Uint8Array(readFileSync(new URL(file, folder))));
      const { model: edited } = await editModel(model, [...standardPasses, dynamicBatch]);
      await expectBatchable(model, edited);
    },
  );
});
