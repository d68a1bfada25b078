import type { InferenceAddresses, InferencePorts, ServingPlan } from '@covey/protocol';
import { createEngine, type Engine, type EngineOptions } from './engine/index.ts';
import type { GrpcServer } from './grpc/index.ts';
import { createHttpService } from './http/index.ts';
import { openInference } from './open-inference/index.ts';
import { prometheus } from './prometheus/index.ts';
import { tensorflowServing } from './tensorflow-serving/index.ts';
import { torchServe } from './torchserve/index.ts';

export interface InferenceServerOptions extends EngineOptions, InferencePorts {
  host: string;
  /** A Unix socket beside it, for its owner alone. */
  socketPath?: string;
}

/** Models served over the network, by plan. */
export interface InferenceServer {
  /** Begins to answer; until then models may be loaded already. Errors: PORT_IN_USE. */
  listen(): Promise<InferenceAddresses>;
  /** Makes the plan true without failing a request. On an error, the plan before it still serves. See Models.apply. */
  apply(plan: ServingPlan): Promise<void>;
  /** Answers new requests with 503, finishes those that run, gives out all measurements, releases everything. */
  drain(): Promise<void>;
}

/** Time that requests get to arrive and finish once the server drains. */
const drainGraceMs = 10_000;
/** Time that models get after that to release what they hold. */
const releaseGraceMs = 2_000;

/** A server that does not listen yet; nothing is served until a plan is applied. */
export function createInferenceServer(options: InferenceServerOptions): InferenceServer {
  const engine = createEngine(options);
  const http = createHttpService(engine, [openInference, tensorflowServing, torchServe, prometheus]);
  const grpc: GrpcServer[] = [];
  // Loaded when it is asked for, since it costs memory; before it listens, since a spare takes over at once.
  const isGrpcAsked = options.grpcPort !== undefined || options.tensorflowServingPort !== undefined;
  const grpcModule = isGrpcAsked ? import('./grpc/index.ts') : undefined;
  return {
    listen: async () => {
      const { host, port, socketPath } = options;
      const address = await http.listen({ host, port });
      if (socketPath !== undefined) await http.listenOnPath(socketPath);
      return {
        ...address,
        ...(grpcModule && (await listenForGrpc(await grpcModule, engine, options, grpc))),
      };
    },
    apply: (plan) => engine.apply(plan),
    drain: async () => {
      engine.stopAccepting();
      await Promise.all([http, ...grpc].map((service) => service.close(drainGraceMs)));
      await engine.close(releaseGraceMs);
    },
  };
}

/** What listens is added to `servers`. */
async function listenForGrpc(
  { serveInference, serveTensorflow }: typeof import('./grpc/index.ts'),
  engine: Engine,
  { host, grpcPort, tensorflowServingPort }: InferenceServerOptions,
  servers: GrpcServer[],
): Promise<Partial<InferenceAddresses>> {
  const addresses: Partial<InferenceAddresses> = {};
  if (grpcPort !== undefined) {
    const server = await serveInference(engine, { host, port: grpcPort });
    servers.push(server);
    addresses.grpcUrl = server.url;
    addresses.grpcPort = server.port;
  }
  if (tensorflowServingPort !== undefined) {
    const server = await serveTensorflow(engine, { host, port: tensorflowServingPort });
    servers.push(server);
    addresses.tensorflowServingUrl = server.url;
    addresses.tensorflowServingPort = server.port;
  }
  return addresses;
}
