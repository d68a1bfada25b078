import type { Tensors } from '../tensors/index.ts';
import type { Trace } from '../trace/index.ts';

/** Whether the caller has given up; an AbortSignal is one. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What a caller may say about a run. */
export interface RunOptions {
  /** 1 is served first; 0, the default, is the middle level of the model's queue. */
  priority: number;
  /** On performance.now(); a request that would be answered later is refused at once. */
  deadlineMs: number | undefined;
  /** The caller has gone: what has not begun to run is taken out of the queue. */
  signal: CancelSignal | undefined;
  /** Where the request is recorded: what is done for it is told here. */
  trace?: Trace | undefined;
}

/** Where the time of a request went, in milliseconds. */
export interface Timings {
  /** From the call until its run began. */
  queueMs: number;
  /** Inputs made ready: joined, padded, handed to the thread. */
  inputMs: number;
  /** ONNX Runtime alone. */
  inferMs: number;
  /** Outputs taken apart and handed back. */
  outputMs: number;
  /** Inferences in the run that answered: more than the request's own when it was batched; 0: none ran, the answer was remembered. */
  batchSize: number;
}

export interface RunResult {
  outputs: Tensors;
  timings: Timings;
}
