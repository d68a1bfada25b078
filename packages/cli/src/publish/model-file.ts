import { readFileSync } from 'node:fs';
import { type Model, modelSchema, readModel, writeModel } from '@covey/onnx';
import { readModelFile as readWithWeights } from '@covey/onnx/files';
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
  return naming(path, () => {
    const model = readModel(bytes);
    const external = externalWeight(model);
    // It would run here, where the other file lies beside it, and on no device.
    if (external !== undefined)
      throw new CoveyError(
        'MODEL_UNSUPPORTED',
        `weight "${external}" lies in another file; save the model as one file (without external data)`,
      );
    return { path, bytes, schema: modelSchema(model) };
  });
}

/**
 * A model and the bytes of one file that holds all of it: weights in other files are taken in.
 * Errors: NOT_FOUND (cannot be read), MODEL_INVALID; each names the file.
 */
export function readWholeModel(path: string): { model: Model; bytes: Uint8Array } {
  const bytes = readBytes(path);
  return naming(path, () => {
    const model = readModel(bytes);
    if (externalWeight(model) === undefined) return { model, bytes };
    const whole = readWithWeights(path);
    return { model: whole, bytes: writeModel(whole) };
  });
}

function externalWeight({ graph }: Model): string | undefined {
  return [...graph.initializers.values()].find(({ data }) => data.kind === 'external')?.name;
}

function naming<T>(path: string, read: () => T): T {
  try {
    return read();
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
