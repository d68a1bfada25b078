import { readFileSync } from 'node:fs';
import { modelSchema, readModel } from '@covey/onnx';
import { CoveyError, type ModelSchema } from '@covey/protocol';

/** An ONNX file as the user names it, with what it takes and gives. */
export interface ModelFile {
  path: string;
  bytes: Uint8Array;
  schema: ModelSchema;
}

/** Errors: NOT_FOUND (cannot be read), and those of readModel and modelSchema; each names the file. */
export function readModelFile(path: string): ModelFile {
  const bytes = readBytes(path);
  try {
    const model = readModel(bytes);
    const external = [...model.graph.initializers.values()].find(({ data }) => data.kind === 'external');
    // It would run here, where the other file lies beside it, and on no device.
    if (external)
      throw new CoveyError(
        'MODEL_UNSUPPORTED',
        `weight "${external.name}" lies in another file; save the model as one file (without external data)`,
      );
    return { path, bytes, schema: modelSchema(model) };
  } catch (cause) {
    if (!(cause instanceof CoveyError)) throw cause;
    throw new CoveyError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CoveyError('NOT_FOUND', `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}
