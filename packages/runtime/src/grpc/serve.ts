import type { Engine } from '../engine/index.ts';
import { healthMethods } from './health.ts';
import { inferenceMethods, inferenceService } from './inference-service.ts';
import { type GrpcAddress, type GrpcServer, serveMethods } from './server.ts';
import { modelService, predictionService, tensorflowMethods } from './tensorflow-service.ts';

export type { GrpcServer };

/** Longest time a message may take to arrive, or an answer to move. */
const stallMs = 60_000;

/** The Open Inference Protocol v2 over gRPC. Errors: PORT_IN_USE. */
export function serveInference(engine: Engine, address: GrpcAddress): Promise<GrpcServer> {
  const methods = { ...inferenceMethods(engine), ...healthMethods(engine, [inferenceService]) };
  return serveMethods(methods, { ...address, stallMs });
}

/** TensorFlow Serving's gRPC services. Errors: PORT_IN_USE. */
export function serveTensorflow(engine: Engine, address: GrpcAddress): Promise<GrpcServer> {
  const methods = {
    ...tensorflowMethods(engine),
    ...healthMethods(engine, [predictionService, modelService]),
  };
  return serveMethods(methods, { ...address, stallMs });
}
