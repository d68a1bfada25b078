import type { ServingPlan } from '@covey/protocol';
import { createEngine, type EngineOptions } from './engine/index.ts';
import { type InferenceHttp, serveHttp } from './http/index.ts';

export interface InferenceServerOptions extends EngineOptions {
  host: string;
  /** 0 takes a free port. */
  port: number;
}

/** Models served over the network, by plan. */
export interface InferenceServer {
  /** Begins to answer; until then models may be loaded already. Errors: PORT_IN_USE. */
  listen(): Promise<{ url: string; port: number }>;
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
  let http: InferenceHttp | undefined;
  return {
    listen: async () => {
      http = await serveHttp(engine, options);
      return { url: http.url, port: http.port };
    },
    apply: (plan) => engine.apply(plan),
    drain: async () => {
      engine.stopAccepting();
      await http?.close(drainGraceMs);
      await engine.close(releaseGraceMs);
    },
  };
}
