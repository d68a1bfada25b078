import type { ErrorDocument, ModelSchema, Provider } from '@covey/protocol';
import type { RunSlot } from '../record/index.ts';
import type { Tensors } from '../tensors/index.ts';

/** Given to a worker thread when it starts. */
export interface WorkerStart {
  path: string;
  schema: ModelSchema;
  provider: Provider;
  threads: number;
  /** Where the thread notes that it loads or runs the model; undefined where nobody would look. */
  slot?: RunSlot | undefined;
}

export type ToWorker = { kind: 'run'; id: number; inputs: Tensors } | { kind: 'close' };

/** Milliseconds on the clock that all threads of the process share. */
export function hrtimeMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** `startedMs` is hrtimeMs. */
export type FromWorker =
  /** `fallbackReason`: why it runs on the CPU, where something else was asked for. */
  | { kind: 'loaded'; fallbackReason?: string }
  | { kind: 'unloadable'; error: ErrorDocument }
  | { kind: 'done'; id: number; outputs: Tensors; startedMs: number; runMs: number }
  | { kind: 'failed'; id: number; error: ErrorDocument };
