import type { Provider } from '@covey/protocol';
import type { InferenceSession, Tensor } from 'onnxruntime-common';

/** By provider, why it does not work on this machine; null where it does. */
export type Providers = Record<Provider, string | null>;

export interface SessionOptions {
  provider: Provider;
  /** Threads that compute one inference on the CPU, at least 1. */
  threads: number;
  /** Fails rather than let the CPU do any of another provider's work. */
  strict?: boolean;
}

/** For looking into what ONNX Runtime does. */
export interface ExactOptions extends SessionOptions {
  /** False where it is only looked at: the graph stays as it is. */
  isOptimized?: boolean;
  /** ONNX Runtime writes on standard error what a PlacementReader reads. */
  tellsPlacement?: boolean;
  /** ONNX Runtime writes a profile to a file whose path begins so; the rest of it on release. */
  profilePrefix?: string;
}

/** ONNX Runtime as it is built for one platform: `onnxruntime-node` or `onnxruntime-web`. Its errors are its own words. */
export interface Backend {
  /** Never fails. */
  listProviders(): Promise<Providers>;
  /** Loads a file. */
  load(path: string, options: ExactOptions): Promise<InferenceSession>;
  readonly Tensor: typeof Tensor;
  /** Does `work` when the provider can: of those that must not be asked two things at a time, each in its turn. */
  inTurn<T>(provider: Provider, work: () => Promise<T>): Promise<T>;
  /** After such an error of a run no session of this thread works any more. */
  isFatal(error: Error): boolean;
}
