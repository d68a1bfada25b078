import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tensor } from '@covey/protocol';
import { describe, expect, test } from 'vitest';
import { editModel, standardPasses } from '../edit/index.ts';
import { ortExecution } from '../execution.fixture.ts';
import {
  cloneModel,
  createValueInfo,
  datatypeOf,
  elementsSizeBytes,
  elementTypes,
  type Model,
  readModel,
  writeModel,
} from '../model/index.ts';
import { quantizeStatic } from '../quantize/index.ts';
import { countOf, inferShapes, type TensorType } from './index.ts';

const folder = join(import.meta.dirname, '..', '..', '..', '..', '..', 'shared', 'data', 'models');
const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.onnx')) : [];

/** One size for every dimension that the files leave open. */
const sizes: Record<string, Record<string, number>> = {
  'silero-vad-16k.onnx': { batch: 1, sequence: 576 },
  'iris-random-forest.onnx': { 'X[0]': 5 },
};

/** Types of all that the nodes of the outermost graph compute, as ONNX Runtime ran it on inputs of zeros. */
async function computedTypes(model: Model, types: Map<string, TensorType>): Promise<Map<string, TensorType>> {
  const exposed = cloneModel(model);
  const weights = exposed.graph.initializers;
  const nodes = exposed.graph.nodes.filter(({ opType }) => opType !== 'ZipMap');
  exposed.graph.nodes = nodes;
  exposed.graph.outputs = nodes
    .flatMap(({ outputs }) => outputs)
    .filter((name) => name !== '' && types.get(name)?.elementType !== elementTypes.STRING)
    .map((name) => createValueInfo(name));
  const inputs = exposed.graph.inputs.filter(({ name }) => !weights.has(name));
  const loaded = await ortExecution({ optimize: false }).load(writeModel(exposed));
  const outputs = await loaded.run(Object.fromEntries(inputs.map(({ name }) => [name, zeros(name, types)])));
  await loaded.release();
  return new Map(Object.entries(outputs).map(([name, tensor]) => [name, typeOf(tensor)]));
}

function zeros(name: string, types: Map<string, TensorType>): Tensor {
  const { elementType, shape } = types.get(name) ?? { elementType: 0, shape: undefined };
  const datatype = datatypeOf(elementType);
  const count = countOf(shape);
  if (datatype === undefined || count === undefined)
    throw new Error(`the size of input ${name} is open: ${shape}`);
  const data = new Uint8Array(elementsSizeBytes(elementType, count) ?? 0);
  return { datatype, shape: (shape ?? []).map(Number), data };
}

function typeOf({ datatype, shape }: Tensor): TensorType {
  const elementType =
    Object.values(elementTypes).find((candidate) => datatypeOf(candidate) === datatype) ?? 0;
  return { elementType, shape };
}

/** Every inferred type is the computed one, and nearly all are complete. */
async function expectComputed(model: Model, sizesOfModel: Record<string, number> = {}): Promise<void> {
  const inferred = inferShapes(model, sizesOfModel);
  const computed = await computedTypes(model, inferred);
  let complete = 0;
  for (const [name, actual] of computed) {
    const type = inferred.get(name);
    if (countOf(type?.shape) !== undefined) complete++;
    if (type) expect({ name, ...matched(type, actual) }).toEqual({ name, ...actual });
  }
  expect(complete / computed.size).toBeGreaterThan(0.95);
}

const readFile = (file: string) => readModel(new Uint8Array(readFileSync(join(folder, file))));

describe.skipIf(files.length === 0)('shapes of real models (skipped where ../shared/data is absent)', () => {
  test.each(files)('%s: every inferred type is the one computed', async (file) => {
    await expectComputed(readFile(file), sizes[file]);
  });

  test.each(['face-rfb-320.onnx', 'mnist.onnx', 'silero-vad-16k.onnx'])(
    '%s quantized (QDQ): likewise',
    async (file) => {
      const { model } = await editModel(readFile(file), standardPasses, ortExecution());
      // The ranges are of no matter for the types.
      const ranges = new Map([...inferShapes(model).keys()].map((name) => [name, { min: -1, max: 1 }]));
      const quantized = quantizeStatic(model, ranges, {
        activations: 'uint8',
        activationsSymmetric: false,
        weights: 'int8',
        weightsSymmetric: true,
        perChannel: true,
        keep: new Set(),
      });
      expect(quantized.graph.nodes.length).toBeGreaterThan(model.graph.nodes.length);
      await expectComputed(quantized, sizes[file]);
    },
  );
});

/** The inferred type with what it leaves open taken from the actual one. */
function matched(type: TensorType, actual: TensorType): TensorType {
  const shape = type.shape?.map((dimension, axis) =>
    typeof dimension === 'number' ? dimension : (actual.shape?.[axis] ?? null),
  );
  return { elementType: type.elementType, shape: shape ?? actual.shape };
}
