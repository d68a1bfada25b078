import type { LoadedModel } from '@covey/protocol';
import type { CancelSignal, Timings } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';

/** What a client asks to be answered by. */
export interface Selector {
  model: string;
  /** SemVer, the version's number, or a channel; undefined leaves it to the model's route. */
  version: string | undefined;
  /** Requests with the same key are routed alike. */
  key: string | undefined;
}

/** What a request is answered by: one version in one variant. */
export interface Servable {
  /** The schema is what clients see. */
  readonly model: LoadedModel;
}

/** One inference, as every protocol and the embedding face ask for it. */
export interface InferenceCall {
  /** Over shared memory they reach the model's thread without a copy. Not to be written to until `finish` has resolved. */
  inputs: Tensors;
  /** 1 is served first; 0 is the default. */
  priority: number;
  /** From `receivedMs`; undefined leaves it to the model's settings. */
  timeoutMs: number | undefined;
  /** Who asks: limits and quotas are counted by this. */
  caller: string;
  /** W3C trace context of the caller. */
  traceparent: string | undefined;
  /** What vendors add to it; as it came. */
  tracestate?: string | undefined;
  /** Aborted when the client has gone. */
  signal: CancelSignal | undefined;
  /** On performance.now(): when the whole request had been read. */
  receivedMs: number;
}

export interface InferenceReply {
  /** The version and variant that answered. */
  model: LoadedModel;
  outputs: Tensors;
  timings: Timings;
  /** For the client to see among the response's parameters: who answered, where another may have (CascadeAnswer). */
  parameters?: Record<string, string | number | boolean>;
  /**
   * To be called when the answer is on its way: it is measured and mirrored then, which costs the client nothing.
   * Resolves when nobody looks at the inputs and outputs any more; undefined when nobody does.
   */
  finish(): Promise<void> | undefined;
}
