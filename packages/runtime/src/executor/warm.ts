import { CoveyError, elementBytes, elementCount, type ModelSchema, type Tensor } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';

/**
 * Runs the model once on zeros, so that the first real request finds memory allocated and code paged in. Varying
 * dimensions are 1: where a model cannot take that, which its schema does not tell, it stays cold but usable; a model of
 * fixed shapes that fails on zeros is broken. Errors: those of `run`.
 */
export async function warmUp(run: (inputs: Tensors) => Promise<unknown>, schema: ModelSchema): Promise<void> {
  const shapesAreFixed = schema.inputs.every(({ shape }) => !shape.includes(-1));
  try {
    await run(zeros(schema));
  } catch (error) {
    const refused = error instanceof CoveyError && error.code === 'INFERENCE_FAILED';
    if (shapesAreFixed || !refused) throw error;
  }
}

/** An input of zeros; varying dimensions are 1. */
export function zeros(schema: ModelSchema): Tensors {
  return Object.fromEntries(
    schema.inputs.map(({ name, datatype, shape }): [string, Tensor] => {
      const dimensions = shape.map((dimension) => (dimension === -1 ? 1 : dimension));
      // A BYTES element of length 0 is its u32 length alone.
      const sizeBytes = elementCount(dimensions) * (datatype === 'BYTES' ? 4 : elementBytes[datatype]);
      return [name, { datatype, shape: dimensions, data: new Uint8Array(sizeBytes) }];
    }),
  );
}
