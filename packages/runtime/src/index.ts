export { startExecutor } from './executor/index.ts';
export { createInferenceServer, type InferenceServer, type InferenceServerOptions } from './server.ts';
