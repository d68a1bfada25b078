import type { ErrorDocument, ModelSchema, Provider } from '@covey/protocol';
import type { RunSlot } from '../record/index.ts';
import type { Tensors } from '../tensors/index.ts';

/** What a thread is given to begin with. */
export interface WorkerStart {
  path: string;
  schema: ModelSchema;
  provider: Provider;
  threads: number;
  /** Fails rather than let the CPU do any of another provider's work. */
  strict?: boolean;
  /** On the provider named and no other, of which it is not asked first whether it works. */
  isExact?: boolean;
  /** Where the thread notes that it loads or runs the model; undefined where nobody would look. */
  slot?: RunSlot | undefined;
}

export type ToWorker = { kind: 'run'; id: number; inputs: Tensors } | { kind: 'close' };

/** `startedMs` is on the clock that all threads share. */
export type FromWorker =
  /** `fallbackReason`: why it runs on the CPU, where something else was asked for. */
  | { kind: 'loaded'; fallbackReason?: string }
  | { kind: 'unloadable'; error: ErrorDocument }
  | { kind: 'done'; id: number; outputs: Tensors; startedMs: number; runMs: number }
  | { kind: 'failed'; id: number; error: ErrorDocument };
