import { CoveyError, type GoldenVector, type ModelSchema, type Tensor } from '@covey/protocol';
import { readTensor } from '../tensors/read.ts';
import type { ModelFile } from './model-file.ts';
import { runSamples, sampleInputs } from './samples.ts';

/** Inputs that a user wrote. Errors: INVALID_ARGUMENT for one that the model lacks, those of readTensor. */
export function samplesOf(schema: ModelSchema, samples: Record<string, string>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(samples).map(([name, text]) => {
      const spec = schema.inputs.find((input) => input.name === name);
      if (!spec)
        throw new CoveyError(
          'INVALID_ARGUMENT',
          `the model has no input ${name}; its inputs are ${schema.inputs.map((input) => input.name).join(', ')}`,
        );
      return [name, readTensor(spec, text)];
    }),
  );
}

/**
 * Golden vectors from the user's samples, the rest random; undefined where the model refuses what is random altogether.
 * Errors: INFERENCE_FAILED when it refuses samples, those of runSamples and sampleInputs.
 */
export async function goldenVectors(
  { path, schema }: ModelFile,
  samples: Record<string, Tensor>,
  say: (text: string) => void,
): Promise<GoldenVector[] | undefined> {
  const missing = schema.inputs.filter(({ name }) => !Object.hasOwn(samples, name)).map(({ name }) => name);
  try {
    return await runSamples(path, schema, sampleInputs(schema, samples));
  } catch (cause) {
    if (!(cause instanceof CoveyError) || cause.code !== 'INFERENCE_FAILED') throw cause;
    const ofMissing = missing.length === 0 ? '' : `, with random values for ${missing.join(', ')}`;
    if (Object.keys(samples).length > 0)
      throw new CoveyError(
        'INFERENCE_FAILED',
        `the model refuses these samples${ofMissing}: ${cause.message}`,
        { cause },
      );
    say(
      `no golden vectors: the model refuses random inputs (${cause.message}); give real ones with --sample`,
    );
    return undefined;
  }
}
