export * from './embedded/index.ts';
export {
  createExecution,
  type Execution,
  type ExecutionOptions,
  type LatencyOptions,
  measureLatency,
  measurePeakMemory,
} from './execution/index.ts';
export { startExecutor } from './executor/index.ts';
export { decodeImage, type Image, preprocessAudio, preprocessImage } from './preprocess/index.ts';
export { compareWithGolden, runtimeName } from './probe/index.ts';
export { createInferenceServer, type InferenceServer, type InferenceServerOptions } from './server.ts';
