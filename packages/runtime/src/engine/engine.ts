import type { Clock, Log } from '@covey/ports';
import { CoveyError, type RuntimeToAgent, type ServingPlan, toCoveyError } from '@covey/protocol';
import { createMeasurements, type Measurements } from '../measure/index.ts';
import { createMirror, type Mirror } from '../mirror/index.ts';
import { createModels, findInstance, type Instance, type Models } from '../models/index.ts';
import { checkInputs } from '../tensors/index.ts';
import type { InferenceCall, InferenceReply, Selector, Servable } from './call.ts';

export interface EngineOptions {
  clock: Clock;
  log: Log;
  metricsIntervalMs: number;
  summaryIntervalMs: number;
  /** Evidence, metrics and summaries. */
  send: (message: Extract<RuntimeToAgent, { type: 'mirror' | 'metrics' | 'summary' }>) => void;
}

/** Models served by plan, behind no protocol: every protocol and the embedding face call this. */
export interface Engine {
  /** A plan has been applied and nothing is shutting down. */
  isReady(): boolean;
  /**
   * What answers a request. To be used without a pause: the next plan may release it.
   * Errors: MODEL_UNKNOWN, MODEL_UNAVAILABLE (nothing is loaded yet, or shutting down).
   */
  route(selector: Selector): Servable;
  /**
   * Checks the inputs against the schema, and runs. Errors: INPUT_INVALID, INFERENCE_FAILED, OVERLOADED,
   * DEADLINE_EXCEEDED, MODEL_UNAVAILABLE, RUNTIME_DIED.
   */
  infer(servable: Servable, call: InferenceCall): Promise<InferenceReply>;
  /** A request for `servable` could not be read: counts it. */
  refused(servable: Servable): void;
  /** Makes the plan true without failing a request. On an error, the plan before it still serves. See Models.apply. */
  apply(plan: ServingPlan): Promise<void>;
  /** From now on nothing is ready and requests are answered with MODEL_UNAVAILABLE. */
  stopAccepting(): void;
  /** Gives out all measurements and releases everything. Waits for runs for `graceMs` at most. */
  close(graceMs: number): Promise<void>;
}

export function createEngine(options: EngineOptions): Engine {
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
  return new ModelEngine({ clock, log, mirror, measurements, models });
}

interface Parts {
  clock: Clock;
  log: Log;
  mirror: Mirror;
  measurements: Measurements;
  models: Models;
}

class ModelEngine implements Engine {
  readonly #parts: Parts;
  #isStopping = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  isReady(): boolean {
    return !this.#isStopping && this.#parts.models.current() !== undefined;
  }

  route({ model, version }: Selector): Instance {
    if (this.#isStopping) throw new CoveyError('MODEL_UNAVAILABLE', 'the runtime is shutting down');
    const serving = this.#parts.models.current();
    if (serving === undefined) throw new CoveyError('MODEL_UNAVAILABLE', 'no models are loaded yet');
    return findInstance(serving, model, version);
  }

  async infer(servable: Servable, call: InferenceCall): Promise<InferenceReply> {
    const { measurements, mirror } = this.#parts;
    const instance = servable as Instance;
    const { inputs, priority, timeoutMs, signal, receivedMs } = call;
    try {
      checkInputs(instance.model.schema, inputs);
      const deadlineMs = timeoutMs === undefined ? undefined : receivedMs + timeoutMs;
      const running = instance.run(inputs, { priority, deadlineMs, signal });
      measurements.catchUp();
      const result = await running;
      const finish = () => this.#finish(instance, call, result);
      return { model: instance.model, ...result, finish };
    } catch (error) {
      const { code } = toCoveyError(error);
      if (code === 'OVERLOADED' || code === 'INPUT_INVALID') measurements.rejected(instance);
      else {
        measurements.failed(instance);
        mirror.failed(instance);
      }
      throw error;
    }
  }

  refused(servable: Servable): void {
    this.#parts.measurements.rejected(servable as Instance);
  }

  apply(plan: ServingPlan): Promise<void> {
    return this.#parts.models.apply(plan);
  }

  stopAccepting(): void {
    this.#isStopping = true;
  }

  async close(graceMs: number): Promise<void> {
    const { models, clock, mirror, measurements } = this.#parts;
    this.#isStopping = true;
    // A model that still computes is left behind.
    await Promise.race([models.close(), new Promise<void>((resolve) => clock.setTimer(graceMs, resolve))]);
    mirror.stop();
    measurements.stop();
  }

  async #finish(
    instance: Instance,
    { inputs, receivedMs }: InferenceCall,
    result: Awaited<ReturnType<Instance['run']>>,
  ): Promise<void> {
    const { measurements, mirror, log } = this.#parts;
    measurements.served(instance, performance.now() - receivedMs);
    // After the answer is on its way.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      await Promise.all([
        mirror.answered(instance, inputs, result),
        measurements.observe(instance, inputs, result.outputs),
      ]);
    } catch (error) {
      // The client has its answer: a fault in measuring is for the log.
      log.write('error', `an answered request could not be measured: ${String(error)}`);
    }
  }
}
