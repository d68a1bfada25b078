import { existsSync, readFileSync } from 'node:fs';
import { modelSchema, readModel, writeModel } from '@covey/onnx';
import { CoveyError, type ModelSchema, type TensorSpec } from '@covey/protocol';
import fc from 'fast-check';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';

const folder = new URL('../../../shared/data/models/', import.meta.url);
const present = existsSync(folder);
const load = (file: string) => new Uint8Array(readFileSync(new URL(file, folder)));

const tensorModels = [
  'face-rfb-320.onnx',
  'light_resnet50.onnx',
  'light_squeezenet.onnx',
  'mnist.onnx',
  'silero-vad-16k.onnx',
];
const forest = 'iris-random-forest.onnx';

/** ONNX Runtime's words for element types. */
const datatypes: Record<string, TensorSpec['datatype']> = { float32: 'FP32', int64: 'INT64' };

/** What ONNX Runtime itself reports of the inputs and outputs of these bytes. */
async function runtimeSchema(bytes: Uint8Array): Promise<ModelSchema> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const specs = (metadata: readonly InferenceSession.ValueMetadata[]) =>
    metadata.map((value): TensorSpec => {
      const datatype = value.isTensor ? datatypes[value.type] : undefined;
      if (!value.isTensor || !datatype) throw new Error(`unexpected value ${value.name}`);
      const shape = value.shape.map((size) => (typeof size === 'number' ? size : -1));
      return { name: value.name, datatype, shape };
    });
  const schema = { inputs: specs(session.inputMetadata), outputs: specs(session.outputMetadata) };
  await session.release();
  return schema;
}

describe.skipIf(!present)('real ONNX files (skipped where ../shared/data/models is absent)', () => {
  test.each(tensorModels)('%s: our schema is the one ONNX Runtime reports', async (file) => {
    const bytes = load(file);
    expect(modelSchema(readModel(bytes))).toEqual(await runtimeSchema(bytes));
  });

  test.each(tensorModels)('%s: what we write again means the same to ONNX Runtime', async (file) => {
    const bytes = load(file);
    expect(await runtimeSchema(writeModel(readModel(bytes)))).toEqual(await runtimeSchema(bytes));
  });

  test(`${forest}: the sequence output is unsupported, by name`, () => {
    const model = readModel(load(forest));
    expect(() => modelSchema(model)).toThrow(
      expect.objectContaining({
        code: 'MODEL_UNSUPPORTED',
        message: 'output "output_probability" is a sequence, not a tensor',
      }),
    );
  });

  test.each([...tensorModels, forest])('%s: truncated or mutated, it is read or refused', (file) => {
    const bytes = load(file);
    const edit = fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 16 }), fc.nat(bytes.length), (edits, length) => {
        const mutated = bytes.slice();
        for (const { at, value } of edits) mutated[at] = value;
        try {
          modelSchema(readModel(mutated.subarray(0, length)));
        } catch (error) {
          expect(error).toBeInstanceOf(CoveyError);
        }
      }),
      { numRuns: 60 },
    );
  });
});
