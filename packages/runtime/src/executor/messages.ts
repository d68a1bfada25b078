import type { ErrorDocument, ModelSchema } from '@covey/protocol';
import type { Tensors } from '../tensors/index.ts';

/** Given to a worker thread when it starts. */
export interface WorkerStart {
  path: string;
  schema: ModelSchema;
}

export type ToWorker = { kind: 'run'; id: number; inputs: Tensors } | { kind: 'close' };

export type FromWorker =
  | { kind: 'loaded' }
  | { kind: 'unloadable'; error: ErrorDocument }
  | { kind: 'done'; id: number; outputs: Tensors; runMs: number }
  | { kind: 'failed'; id: number; error: ErrorDocument };
