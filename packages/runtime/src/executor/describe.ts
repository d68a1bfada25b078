import {
  CoveyError,
  type ErrorDocument,
  type ModelSchema,
  type TensorSpec,
  toCoveyError,
} from '@covey/protocol';
import type { InferenceSession } from 'onnxruntime-common';
import type { StartThread, ThreadPort } from '../platform/index.ts';
import type { Backend } from './backend.ts';
import { ortError } from './ort-error.ts';
import { datatypeOf } from './ort-tensors.ts';

type Described = { schema: ModelSchema } | { error: ErrorDocument };

/**
 * What an ONNX file takes and gives, by ONNX Runtime: dimensions without a fixed size are -1. The file is loaded in a
 * thread that ends with this. Errors: MODEL_INVALID, MODEL_UNSUPPORTED (inputs or outputs that are no tensors), RUNTIME_DIED.
 */
export function readSchema(startThread: StartThread, path: string): Promise<ModelSchema> {
  const thread = startThread('schema', path);
  return new Promise((resolve, reject) =>
    thread.listen({
      onMessage: (message) => {
        const described = message as Described;
        if ('schema' in described) resolve(described.schema);
        else reject(new CoveyError(described.error.code, described.error.message));
      },
      onEnd: (why) => reject(new CoveyError('RUNTIME_DIED', `the thread that reads ${path} ${why}`)),
    }),
  );
}

/** The thread's side of `readSchema`. */
export async function describeFile(port: ThreadPort, path: string, backend: Backend): Promise<void> {
  let described: Described;
  try {
    described = { schema: await schemaOf(backend, path) };
  } catch (error) {
    described = { error: toCoveyError(error, 'MODEL_INVALID').toJSON() };
  }
  port.post(described);
  port.close();
}

async function schemaOf(backend: Backend, path: string): Promise<ModelSchema> {
  const session = await backend
    .load(path, { provider: 'cpu', threads: 1, isOptimized: false })
    .catch((cause: Error) => {
      throw cause instanceof CoveyError ? cause : ortError('MODEL_INVALID', cause, path);
    });
  try {
    return {
      inputs: session.inputMetadata.map((metadata) => specOf('input', metadata)),
      outputs: session.outputMetadata.map((metadata) => specOf('output', metadata)),
    };
  } finally {
    await session.release();
  }
}

function specOf(what: 'input' | 'output', metadata: InferenceSession.ValueMetadata): TensorSpec {
  const datatype = metadata.isTensor ? datatypeOf(metadata.type) : undefined;
  if (!metadata.isTensor || datatype === undefined) {
    throw new CoveyError('MODEL_UNSUPPORTED', `${what} ${metadata.name} is no tensor that can be served`);
  }
  const shape = metadata.shape.map((size) => (typeof size === 'number' && size >= 0 ? size : -1));
  return { name: metadata.name, datatype, shape };
}
