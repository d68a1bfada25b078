export * from './embedded/index.ts';
export {
  createExecution,
  type Execution,
  type ExecutionOptions,
  type LatencyOptions,
  measureLatency,
  measurePeakMemory,
} from './execution/index.ts';
export { decodeImage, preprocessImage, startExecutor } from './node/index.ts';
export { type Image, preprocessAudio } from './preprocess/index.ts';
export { compareWithGolden } from './probe/index.ts';
export { createInferenceServer, type InferenceServer, type InferenceServerOptions } from './server.ts';
export { runtimeName } from './trials/index.ts';
