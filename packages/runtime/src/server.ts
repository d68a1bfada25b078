import type { Clock, Log } from '@covey/ports';
import { CoveyError, type RuntimeToAgent, type ServingPlan, toCoveyError } from '@covey/protocol';
import { type InferenceHttp, type InferenceService, serveHttp } from './http/index.ts';
import { createMeasurements, type Measurements } from './measure/index.ts';
import { createMirror, type Mirror } from './mirror/index.ts';
import { createModels, findInstance, type Models } from './models/index.ts';

export interface InferenceServerOptions {
  clock: Clock;
  log: Log;
  host: string;
  /** 0 takes a free port. */
  port: number;
  metricsIntervalMs: number;
  summaryIntervalMs: number;
  /** Evidence, metrics and summaries. */
  send: (message: Extract<RuntimeToAgent, { type: 'mirror' | 'metrics' | 'summary' }>) => void;
}

/** Models served over the Open Inference Protocol v2, by plan. */
export interface InferenceServer {
  url: string;
  port: number;
  /** Makes the plan true without failing a request. On an error, the plan before it still serves. See Models.apply. */
  apply(plan: ServingPlan): Promise<void>;
  /** Answers new requests with 503, finishes those that run, gives out all measurements, releases everything. */
  drain(): Promise<void>;
}

/** Time that requests get to arrive and finish once the server drains. */
const drainGraceMs = 10_000;
/** Time that models get after that to release what they hold. */
const releaseGraceMs = 2_000;

/** Starts to listen; nothing is served until a plan is applied. Errors: PORT_IN_USE. */
export async function createInferenceServer(options: InferenceServerOptions): Promise<InferenceServer> {
  const { clock, log, send } = options;
  const mirror = createMirror(clock, log.component('mirror'), send);
  const measurements = createMeasurements({
    clock,
    metricsIntervalMs: options.metricsIntervalMs,
    summaryIntervalMs: options.summaryIntervalMs,
    onMetrics: (metrics) => send({ type: 'metrics', metrics }),
    onSummary: (summary) => send({ type: 'summary', summary }),
  });
  const models = createModels({
    clock,
    log: log.component('models'),
    onSwitch: (serving) => mirror.begin(serving),
    onRelease: (instance) => measurements.release(instance),
  });
  const state = { draining: false };
  const service = serviceOf({ models, measurements, mirror, state, log });
  let http: InferenceHttp;
  try {
    http = await serveHttp(service, options);
  } catch (error) {
    measurements.stop();
    throw error;
  }
  return {
    url: http.url,
    port: http.port,
    apply: (plan) => models.apply(plan),
    drain: async () => {
      state.draining = true;
      await http.close(drainGraceMs);
      // By now nobody waits for an answer: a model that still computes is left behind.
      await Promise.race([
        models.close(),
        new Promise<void>((resolve) => clock.setTimer(releaseGraceMs, resolve)),
      ]);
      mirror.stop();
      measurements.stop();
    },
  };
}

interface ServiceParts {
  models: Models;
  measurements: Measurements;
  mirror: Mirror;
  state: { readonly draining: boolean };
  log: Log;
}

function serviceOf({ models, measurements, mirror, state, log }: ServiceParts): InferenceService {
  return {
    isReady: () => !state.draining && models.current() !== undefined,
    find: (model, version) => {
      if (state.draining) throw new CoveyError('MODEL_UNAVAILABLE', 'the runtime is shutting down');
      const serving = models.current();
      if (serving === undefined) throw new CoveyError('MODEL_UNAVAILABLE', 'no models are loaded yet');
      return findInstance(serving, model, version);
    },
    infer: async (instance, { inputs }) => {
      const running = instance.executor.run(inputs);
      measurements.catchUp();
      try {
        return await running;
      } catch (error) {
        const { code } = toCoveyError(error);
        if (code === 'OVERLOADED' || code === 'INPUT_INVALID') measurements.rejected(instance);
        else {
          measurements.failed(instance);
          mirror.failed(instance);
        }
        throw error;
      }
    },
    answered: async (instance, { inputs }, result, latencyMs) => {
      measurements.served(instance, latencyMs);
      try {
        await Promise.all([
          mirror.answered(instance, inputs, result),
          measurements.observe(instance, inputs, result.outputs),
        ]);
      } catch (error) {
        // The client has its answer: a fault in measuring is for the log.
        log.write('error', `an answered request could not be measured: ${String(error)}`);
      }
    },
    refused: (instance) => measurements.rejected(instance),
  };
}
