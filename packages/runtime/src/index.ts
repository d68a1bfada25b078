export { createInferenceServer, type InferenceServer, type InferenceServerOptions } from './server.ts';
