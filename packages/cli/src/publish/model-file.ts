import { everyConstant, type Model, modelSchema, readModel, writeModel } from '@covey/onnx';
import { readModelFile as readWithWeights } from '@covey/onnx/files';
import { CoveyError, type ModelSchema } from '@covey/protocol';
import { readPlainFile } from '../folder/plain-file.ts';

/** An ONNX file as the user names it, with what it takes and gives. */
export interface ModelFile {
  path: string;
  bytes: Uint8Array;
  schema: ModelSchema;
}

/** Errors: those of readPlainFile, readModel and modelSchema; each names the file. */
export function readModelFile(path: string): ModelFile {
  const bytes = readPlainFile(path);
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
 * Errors: those of readPlainFile and readModel; each names the file.
 */
export function readWholeModel(path: string): { model: Model; bytes: Uint8Array } {
  const bytes = readPlainFile(path);
  return naming(path, () => {
    const model = readModel(bytes);
    if (externalWeight(model) === undefined) return { model, bytes };
    const whole = readWithWeights(path);
    return { model: whole, bytes: writeModel(whole) };
  });
}

function externalWeight(model: Model): string | undefined {
  return everyConstant(model).find(({ data }) => data.kind === 'external')?.name;
}

function naming<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof CoveyError)) throw cause;
    throw new CoveyError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}
