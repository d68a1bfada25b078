import { hash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type Classification,
  CoveyError,
  canonicalJson,
  checkDocument,
  type LoadedModel,
  type Pipeline,
  PipelineSchema,
  type Provider,
  type ServingSettings,
  ServingSettingsSchema,
  VersionSchema,
} from '@covey/protocol';
import { readSchema } from '../executor/index.ts';
import { nodePlatform } from '../node/index.ts';

/** An ONNX file to be served in this program. */
export interface ModelFile {
  /** What requests call it. */
  name: string;
  path: string;
  /** SemVer; several versions of one name may be open at a time. Default 1.0.0. */
  version?: string;
  /** Default `cpu`. */
  provider?: Provider;
  /** Threads that compute one inference on the CPU. Default 1. */
  threads?: number;
  settings?: ServingSettings;
  /** What is done before and after the model, and with which others: callers see its inputs and outputs instead. */
  pipeline?: Pipeline;
  classification?: Classification;
}

/**
 * As a plan names it; `index` is its place among those opened together.
 * Errors: INVALID_DOCUMENT, NOT_FOUND (no such file), MODEL_INVALID, MODEL_UNSUPPORTED, RUNTIME_DIED.
 */
export async function loadedModel(file: ModelFile, index: number): Promise<LoadedModel> {
  const { name, version = '1.0.0', provider = 'cpu', threads = 1, classification } = file;
  const settings =
    file.settings && checkDocument(ServingSettingsSchema, file.settings, `settings of ${name}`);
  const pipeline = file.pipeline && checkDocument(PipelineSchema, file.pipeline, `pipeline of ${name}`);
  checkDocument(VersionSchema, version, `version ${version} of ${name}`);
  const path = resolve(file.path);
  const bundle = await identityOf(path, { name, version, pipeline, classification });
  return {
    ref: { model: name, version, number: index + 1, bundle },
    variant: 'file',
    provider,
    threads,
    path,
    schema: await readSchema(nodePlatform.startThread, path),
    ...(settings && { settings }),
    ...(pipeline && { pipeline }),
    ...(classification && { classification }),
  };
}

/**
 * No bundle stands behind a file that was given. What stands for its digest: where the file lies, its size and its last
 * change, and what is declared with it. Errors: NOT_FOUND naming the file.
 */
async function identityOf(path: string, declared: object): Promise<string> {
  try {
    const { size, mtimeNs } = await stat(path, { bigint: true });
    return hash('sha256', `${path}\n${size}\n${mtimeNs}\n${canonicalJson(declared)}`);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const isAbsent = code === 'ENOENT' || code === 'ENOTDIR';
    const message = isAbsent ? `there is no file ${path}` : `${path} cannot be read: ${String(cause)}`;
    throw new CoveyError('NOT_FOUND', message, { cause });
  }
}
