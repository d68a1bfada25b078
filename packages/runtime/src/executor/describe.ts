import { type MessagePort, Worker } from 'node:worker_threads';
import {
  CoveyError,
  type ErrorDocument,
  type ModelSchema,
  type TensorSpec,
  toCoveyError,
} from '@covey/protocol';
import { InferenceSession } from 'onnxruntime-node';
import { ortError } from './ort-error.ts';
import { datatypeOf } from './ort-tensors.ts';

type Described = { schema: ModelSchema } | { error: ErrorDocument };

/**
 * What an ONNX file takes and gives, by ONNX Runtime: dimensions without a fixed size are -1. The file is loaded in a
 * thread that ends with this. Errors: MODEL_INVALID, MODEL_UNSUPPORTED (inputs or outputs that are no tensors), RUNTIME_DIED.
 */
export function readSchema(path: string): Promise<ModelSchema> {
  const worker = new Worker(new URL(import.meta.resolve('@covey/runtime/worker')), {
    workerData: { describe: path },
  });
  return new Promise((resolve, reject) => {
    worker.once('message', (described: Described) => {
      if ('schema' in described) resolve(described.schema);
      else reject(new CoveyError(described.error.code, described.error.message));
    });
    worker.once('error', (cause) =>
      reject(new CoveyError('RUNTIME_DIED', `while reading ${path}: ${String(cause)}`, { cause })),
    );
  });
}

/** The thread's side of `readSchema`. */
export async function describeFile(port: MessagePort, path: string): Promise<void> {
  let described: Described;
  try {
    described = { schema: await schemaOf(path) };
  } catch (error) {
    described = { error: toCoveyError(error, 'MODEL_INVALID').toJSON() };
  }
  port.postMessage(described);
  port.close();
}

async function schemaOf(path: string): Promise<ModelSchema> {
  const session = await InferenceSession.create(path, {
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 4,
  }).catch((cause: Error) => {
    throw ortError('MODEL_INVALID', cause, path);
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
