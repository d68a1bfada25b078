import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CoveyError } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSeed, damaged, damages, type Seed } from '../check/damage.fixture.ts';
import { checkModel } from '../check/index.ts';
import { createRichModel } from '../check/rich-model.fixture.ts';
import {
  createGraph,
  createNode,
  createValueInfo,
  elementTypes,
  type Graph,
  type Model,
  readModel,
  writeModel,
} from '../model/index.ts';
import { quantizeDynamic, quantizeWeights, storeHalf } from '../quantize/index.ts';
import { integers, modelOf, waves } from './edit.fixture.ts';
import { convertOpset, dynamicBatch, editModel, removeZipMap, standardPasses } from './index.ts';

/** Cases per property. Unit tests take few; the long form, `npm run fuzz`, sets COVEY_FUZZ_RUNS high. */
const numRuns = Number(process.env.COVEY_FUZZ_RUNS ?? 100);
/** A case of a real model takes ten times as long as one of a small model. */
const numRealRuns = Math.ceil(numRuns / 10);
const timeoutMs = 60_000 + numRuns * 50;
/** Most take milliseconds; a machine that does other things at the same time may take a while. */
const maxStepMs = 10_000;

const folder = join('..', 'shared', 'data', 'models');
const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.onnx')) : [];
const rich = createSeed('rich', writeModel(createRichModel()));
const weighted = createSeed('weighted', writeModel(weightedModel()));
const real = names.map((name) => createSeed(name, new Uint8Array(readFileSync(join(folder, name)))));

const keep = new Set<string>();
const weights = { blockSize: 32, symmetric: false, keep } as const;
/** All that is done to a model without running it. */
const steps: Record<string, (model: Model) => Model | Promise<Model>> = {
  'standard passes': async (model) => (await editModel(model, standardPasses)).model,
  'remove-zip-map': async (model) => (await editModel(model, [removeZipMap])).model,
  'dynamic-batch': async (model) => (await editModel(model, [...standardPasses, dynamicBatch])).model,
  'opset 13': async (model) => (await editModel(model, [convertOpset(13)])).model,
  'opset 21': async (model) => (await editModel(model, [convertOpset(21)])).model,
  dynamic: (model) => quantizeDynamic(model, { weights: 'int8', perChannel: true, keep }),
  'int4 weights': (model) => quantizeWeights(model, { ...weights, bits: 4, form: 'matmul-nbits' }),
  'int8 blocks': (model) => quantizeWeights(model, { ...weights, bits: 8, form: 'blocked' }),
  'fp16 storage': storeHalf,
};

/** Undefined for a file that is refused, or that `checkModel` finds errors in: nobody edits those. */
function soundModel(file: Uint8Array): Model | undefined {
  try {
    const model = readModel(file);
    return checkModel(model).some(({ severity }) => severity === 'error') ? undefined : model;
  } catch (error) {
    if (error instanceof CoveyError) return undefined;
    throw error;
  }
}

/** A model of an old opset with a weight of every kind that quantization stores, one of them taken in a branch only. */
function weightedModel(): Model {
  const branch = (name: string): Graph => ({
    ...createGraph(name),
    nodes: [createNode('MatMul', ['g', 'w5'], [`${name}_y`])],
    outputs: [createValueInfo(`${name}_y`)],
  });
  return modelOf({
    opset: 11,
    inputs: { x: [1, 4, 8, 8] },
    outputs: { y: [1, 16], h: [1, 1, 16] },
    constants: [
      waves('w1', [8, 4, 3, 3]),
      ...['s', 'b', 'm', 'v'].map((name) => waves(name, [8], 2)),
      integers('shape', [1, 32, 16]),
      waves('w2', [16, 32]),
      waves('b2', [32]),
      waves('w3', [32, 16]),
      waves('table', [32, 16]),
      integers('rows', [3]),
      waves('w4', [1, 64, 16]),
      waves('r4', [1, 64, 16]),
      waves('w5', [16, 16]),
    ],
    nodes: [
      createNode('Conv', ['x', 'w1'], ['c'], { pads: [1, 1, 1, 1] }),
      createNode('BatchNormalization', ['c', 's', 'b', 'm', 'v'], ['n']),
      createNode('Relu', ['n'], ['r']),
      createNode('Reshape', ['r', 'shape'], ['rs']),
      createNode('Transpose', ['rs'], ['t'], { perm: [1, 0, 2] }),
      createNode('LSTM', ['t', 'w4', 'r4'], ['', 'h'], { hidden_size: 16 }),
      createNode('Squeeze', ['h'], ['hr'], { axes: [0] }),
      createNode('Gemm', ['hr', 'w2', 'b2'], ['g2']),
      createNode('MatMul', ['g2', 'w3'], ['g3']),
      createNode('Gather', ['table', 'rows'], ['e']),
      createNode('Add', ['g3', 'e'], ['g']),
      createNode('ReduceSum', ['g'], ['sum'], { keepdims: 0 }),
      createNode('Cast', ['sum'], ['flag'], { to: elementTypes.BOOL }),
      createNode('If', ['flag'], ['y'], {
        then_branch: { type: 'graph', value: branch('then') },
        else_branch: { type: 'graph', value: branch('else') },
      }),
    ],
  });
}

test('the models are sound, so that damage is all that is wrong with them', () => {
  for (const { file } of [rich, weighted]) expect(soundModel(file)).toBeDefined();
});

describe('a damaged model that passes the check is edited, or refused with a CoveyError, in bounded time', () => {
  const property = (seeds: readonly Seed[], outcomes = { edited: 0, refused: 0 }) =>
    fc.asyncProperty(fc.constantFrom(...seeds), damages, async (seed, changes) => {
      const model = soundModel(damaged(seed, changes));
      if (model === undefined) return;
      const before = writeModel(model);
      for (const [name, step] of Object.entries(steps)) {
        const start = performance.now();
        try {
          readModel(writeModel(await step(model)));
          outcomes.edited += 1;
        } catch (error) {
          if (!(error instanceof CoveyError) || error.code === 'INTERNAL') throw error;
          outcomes.refused += 1;
        }
        expect(performance.now() - start, `${name} of ${seed.name}`).toBeLessThan(maxStepMs);
      }
      expect(Buffer.compare(writeModel(model), before), 'the model itself is left alone').toBe(0);
    });

  test('models with every kind of thing and of weight in them', { timeout: timeoutMs }, async () => {
    const outcomes = { edited: 0, refused: 0 };
    await fc.assert(property([rich, weighted], outcomes), { numRuns });
    for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(0);
  });

  test.skipIf(real.length === 0)(
    `real models${real.length ? '' : ' (skipped: ../shared/data is absent)'}`,
    { timeout: timeoutMs },
    () => fc.assert(property(real), { numRuns: numRealRuns }),
  );
});
