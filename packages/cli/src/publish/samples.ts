import { createHash } from 'node:crypto';
import { streamLog, systemClock } from '@covey/ports';
import {
  CoveyError,
  canonicalJson,
  elementBytes,
  elementCount,
  type GoldenVector,
  type ModelSchema,
  type Tensor,
  type TensorSpec,
} from '@covey/protocol';
import { startExecutor } from '@covey/runtime';

const runTimeoutMs = 60_000;
/** Golden vectors go to every device: random ones are few, and few are large. */
const mostRandomSamples = 4;
const randomSampleBytes = 1024 * 1024;

/**
 * Inputs that a user gave, with others that look random but are the same for the same schema: uniform in [0, 1) for floats, 0 and 1 for the rest; varying
 * dimensions are 1. One sample where all inputs are given; otherwise some, within 1 MiB but at least one.
 * Errors: UNSUPPORTED for texts that are not given.
 */
export function sampleInputs(schema: ModelSchema, given: Record<string, Tensor>): Record<string, Tensor>[] {
  const fraction = fractionsOf(canonicalJson(schema));
  const sample = () =>
    Object.fromEntries(
      schema.inputs.map((spec) => [spec.name, ownOf(given, spec.name) ?? randomTensor(spec, fraction)]),
    );
  if (schema.inputs.every(({ name }) => Object.hasOwn(given, name))) return [sample()];
  const first = sample();
  const sizeBytes = Object.values(first).reduce((sum, { data }) => sum + data.byteLength, 0);
  const count = Math.max(1, Math.min(mostRandomSamples, Math.floor(randomSampleBytes / sizeBytes)));
  return [first, ...Array.from({ length: count - 1 }, sample)];
}

/** Not what all objects have: an input may be named `constructor`. */
function ownOf(given: Record<string, Tensor>, name: string): Tensor | undefined {
  return Object.hasOwn(given, name) ? given[name] : undefined;
}

/** Numbers in [0, 1) that look random: SHA-256 of the seed and a count. */
function fractionsOf(seed: string): () => number {
  let [block, at] = [Buffer.alloc(0), 0];
  let count = 0;
  return () => {
    if (at === block.byteLength) {
      block = createHash('sha256').update(`${seed} ${count++}`).digest();
      at = 0;
    }
    at += 4;
    return block.readUInt32LE(at - 4) / 2 ** 32;
  };
}

function randomTensor(spec: TensorSpec, fraction: () => number): Tensor {
  if (spec.datatype === 'BYTES')
    throw new CoveyError('UNSUPPORTED', `input ${spec.name} holds texts; give it with --sample`);
  const shape = spec.shape.map((dimension) => (dimension === -1 ? 1 : dimension));
  const sizeBytes = elementBytes[spec.datatype];
  const data = new Uint8Array(elementCount(shape) * sizeBytes);
  const view = new DataView(data.buffer);
  for (let offset = 0; offset < data.byteLength; offset += sizeBytes) {
    const value = fraction();
    if (spec.datatype === 'FP16') view.setFloat16(offset, value, true);
    else if (spec.datatype === 'FP32') view.setFloat32(offset, value, true);
    else if (spec.datatype === 'FP64') view.setFloat64(offset, value, true);
    // Whole numbers are little-endian: their lowest byte makes 0 or 1.
    else view.setUint8(offset, value < 0.5 ? 0 : 1);
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
    provider: 'cpu',
    threads: 1,
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
