import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { ortExecution } from '../execution.fixture.ts';
import { cloneModel, type Model, readModel, writeModel } from '../model/index.ts';
import { answersOf, editedSame, expectSame, floats, inputsFor, type Tensors } from './edit.fixture.ts';
import { convertOpset, dynamicBatch, editModel, removeZipMap, standardPasses } from './index.ts';
import { arbitraryModel } from './random-model.fixture.ts';

const execution = ortExecution();
const isLong = process.env.COVEY_LONG !== undefined;
const numRuns = isLong ? 200 : 12;

describe('passes over random models', () => {
  it('answer the same in ONNX Runtime, all together', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryModel(), async (model) => {
        await editedSame(model, standardPasses);
      }),
      { numRuns },
    );
  });

  it.each(standardPasses.map((pass) => [pass.name, pass] as const))(
    'answer the same after %s alone',
    async (_, pass) => {
      await fc.assert(
        fc.asyncProperty(arbitraryModel(), async (model) => {
          await editedSame(model, [pass]);
        }),
        { numRuns: Math.ceil(numRuns / 4) },
      );
    },
  );

  it.each([13, 15, 18, 21])('answer the same in opset %i', async (version) => {
    await fc.assert(
      fc.asyncProperty(arbitraryModel(), async (model) => {
        if ((model.opsets[0]?.version ?? 0) > version) return;
        const edited = await editedSame(model, [convertOpset(version)]);
        expect(edited.opsets).toEqual([{ domain: '', version }]);
      }),
      { numRuns },
    );
  });

  it('settle: a second edit changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryModel(), async (model) => {
        const { model: edited } = await editModel(model, standardPasses, execution);
        const { changes } = await editModel(edited, standardPasses, execution);
        expect(Object.values(changes).every((count) => count === 0)).toBe(true);
      }),
      { numRuns },
    );
  });

  it('leave the model they were given as it was', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryModel(), async (model) => {
        const before = writeModel(cloneModel(model));
        await editModel(model, [...standardPasses, convertOpset(21)], execution);
        expect(Buffer.compare(writeModel(model), before)).toBe(0);
      }),
      { numRuns: Math.ceil(numRuns / 2) },
    );
  });
});

const folder = new URL('../../../../../shared/data/models/', import.meta.url);
const files = existsSync(folder) ? readdirSync(folder) : [];

describe.skipIf(files.length === 0)('real models (skipped where ../shared/data is absent)', () => {
  const single = [...standardPasses, removeZipMap, ...[13, 17, 21].map(convertOpset)];
  const together = [...standardPasses, dynamicBatch, convertOpset(21)];
  /** Each alone too; on models of a megabyte in `npm run long`. */
  const passListsOf = (file: string) =>
    isLong || statSync(new URL(file, folder)).size < 1e6
      ? [...single.map((pass) => [pass]), together]
      : [together];

  describe.each(files)('%s', (file) => {
    const model = withTensorOutputs(read(file));
    const inputs = inputsFor(model);
    let expected: Tensors = {};
    beforeAll(async () => {
      expected = await answersOf(model, inputs);
    });

    it.each(passListsOf(file).map((passes) => [passes.map(({ name }) => name).join(', '), passes] as const))(
      'answers the same after %s',
      async (_, passes) => {
        const { model: edited } = await editModel(model, passes, execution);
        expectSame(await answersOf(edited, inputs), expected);
      },
    );
  });

  it('the forest answers probabilities for each class', async () => {
    const model = read('iris-random-forest.onnx');
    const { model: edited } = await editModel(model, [removeZipMap, ...standardPasses], execution);
    const { output_label: label, output_probability: probabilities } = await answersOf(
      edited,
      inputsFor(model),
    );
    expect(edited.metadata.get('classes:output_probability')).toBe('[0,1,2]');
    expect(probabilities?.shape).toEqual([1, 3]);
    const row = probabilities ? [...floats(probabilities)] : [];
    expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
    expect(row.indexOf(Math.max(...row))).toBe(label?.data[0]);
  });
});

function read(file: string): Model {
  return readModel(new Uint8Array(readFileSync(new URL(file, folder))));
}

/** Without outputs that are no tensors, which the runtime for Node cannot hand over. */
function withTensorOutputs(model: Model): Model {
  const outputs = model.graph.outputs.filter(({ type }) => type?.kind === 'tensor');
  return { ...model, graph: { ...model.graph, outputs } };
}
