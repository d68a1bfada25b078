import type { Tensor } from '@covey/protocol';

/**
 * Runs models: handed in by whoever has a runtime, because this package has none. Calibration, sensitivity, comparison
 * and proof all go through it. `run` answers every output that the model's graph lists, added ones included.
 */
export interface Execution {
  /** Loads the bytes of an ONNX file. Errors: MODEL_INVALID, MODEL_UNSUPPORTED with the runtime's words. */
  load(bytes: Uint8Array): Promise<LoadedModel>;
}

export interface LoadedModel {
  /** Errors: INPUT_INVALID, INFERENCE_FAILED with the runtime's words. */
  run(inputs: Record<string, Tensor>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}
