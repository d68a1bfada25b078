import type { GoldenVector } from '@covey/bundle';
import { streamLog, systemClock, systemRandom } from '@covey/ports';
import {
  CoveyError,
  elementBytes,
  elementCount,
  type ModelSchema,
  type Tensor,
  type TensorSpec,
} from '@covey/protocol';
import { startExecutor } from '@covey/runtime';

const runTimeoutMs = 60_000;
const randomSamples = 4;

/** Inputs that a user gave, or random ones: uniform in [0, 1) for floats, 0 and 1 for the rest; varying dimensions are 1. */
export function sampleInputs(schema: ModelSchema, given: Record<string, Tensor>): Record<string, Tensor>[] {
  const complete = schema.inputs.every(({ name }) => Object.hasOwn(given, name));
  return Array.from({ length: complete ? 1 : randomSamples }, () =>
    Object.fromEntries(schema.inputs.map((spec) => [spec.name, given[spec.name] ?? randomTensor(spec)])),
  );
}

function randomTensor(spec: TensorSpec): Tensor {
  if (spec.datatype === 'BYTES')
    throw new CoveyError('UNSUPPORTED', `input ${spec.name} holds texts; give it with --sample`);
  const shape = spec.shape.map((dimension) => (dimension === -1 ? 1 : dimension));
  const count = elementCount(shape);
  const data = new Uint8Array(count * elementBytes[spec.datatype]);
  const view = new DataView(data.buffer);
  for (let index = 0; index < count; index++) {
    const value = systemRandom.fraction();
    if (spec.datatype === 'FP32') view.setFloat32(index * 4, value, true);
    else if (spec.datatype === 'FP64') view.setFloat64(index * 8, value, true);
    // FP16 1.0 is 0x3c00; whole numbers are little-endian, so that the lowest byte makes 0 or 1.
    else if (spec.datatype === 'FP16') view.setUint16(index * 2, value < 0.5 ? 0 : 0x3c00, true);
    else view.setUint8(index * elementBytes[spec.datatype], value < 0.5 ? 0 : 1);
  }
  return { datatype: spec.datatype, shape, data };
}

/** Runs the model here, in a thread of its own. Errors: those of the runtime, INFERENCE_FAILED among them. */
export async function runSamples(
  path: string,
  schema: ModelSchema,
  inputs: Record<string, Tensor>[],
): Promise<GoldenVector[]> {
  const executor = await startExecutor({
    path,
    schema,
    clock: systemClock,
    log: streamLog(process.stderr, systemClock, 'error'),
    runTimeoutMs,
    maxPending: 1,
  });
  try {
    const vectors: GoldenVector[] = [];
    for (const sample of inputs)
      vectors.push({ inputs: sample, outputs: (await executor.run(sample)).outputs });
    return vectors;
  } finally {
    await executor.close();
  }
}
