import type { Clock, Log } from '@covey/ports';
import { CoveyError, type LoadedModel, type ServingPlan, toCoveyError } from '@covey/protocol';
import { createResponseCache, type ResponseCache } from '../cache/index.ts';
import type { Profile, ProfileModel } from '../executor/index.ts';
import type { ModelStatistics } from '../measure/index.ts';
import { isModelsFault, type Mirror, type Shadows } from '../mirror/index.ts';
import { type Instance, type Models, type Repository, type Serving, unloadedOf } from '../models/index.ts';
import type { StepThreads } from '../pipeline/index.ts';
import type { Platform } from '../platform/index.ts';
import type { Cascades } from '../routing/index.ts';
import { checkInputs, type Tensors } from '../tensors/index.ts';
import type { Trace } from '../trace/index.ts';
import type { InferenceCall, InferenceReply, Selector, Servable } from './call.ts';
import type { Observer, RuntimeFigures } from './observer.ts';
import { type Assignment, checkPlan, createTargets, type Target, type Targets } from './targets.ts';

/** Models served by plan, behind no protocol: every protocol and the embedding face call this. */
export interface Engine {
  /** A plan has been applied, all that it names is loaded, and nothing is shutting down. */
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
  /**
   * Since they were loaded: of all loaded versions, of those of one model, or of one version (SemVer or number).
   * Errors: MODEL_UNKNOWN, MODEL_UNAVAILABLE.
   */
  statistics(model?: string, version?: string): ModelStatistics[];
  figures(): RuntimeFigures;
  /**
   * Where the model's time goes, by operator: on what clients sent last, else on zeros, in a process of its own.
   * Errors: CONFLICT (one is under way), MODEL_UNKNOWN, MODEL_UNAVAILABLE, UNSUPPORTED, and those of profileModel.
   */
  profile(selector: Selector, durationMs: number): Promise<{ model: LoadedModel; profile: Profile }>;
  /** Makes the plan true without failing a request. On an error, the plan before it still serves. See Models.apply. */
  apply(plan: ServingPlan): Promise<void>;
  /** The models of the plan, loaded and unloaded by hand. */
  readonly repository: Repository;
  /** From now on nothing is ready and requests are answered with MODEL_UNAVAILABLE. */
  stopAccepting(): void;
  /** Gives out all measurements and releases everything. Waits for runs for `graceMs` at most. */
  close(graceMs: number): Promise<void>;
}

type Ran = Awaited<ReturnType<Target['run']>>;

/** What an engine is made of. */
export interface Parts {
  clock: Clock;
  log: Log;
  mirror: Mirror;
  shadows: Shadows;
  cascades: Cascades;
  threads: StepThreads;
  observer: Observer;
  models: Models;
  nextTurn: Platform['nextTurn'];
  profileModel: ProfileModel | undefined;
}

export class ModelEngine implements Engine {
  readonly #parts: Parts;
  #targets: Targets | undefined;
  /** Pipelines under way: what they call is not released before they end. */
  readonly #pipelines = new Set<Promise<unknown>>();
  #isStopping = false;
  #isProfiling = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get repository(): Repository {
    return this.#parts.models;
  }

  isReady(): boolean {
    const serving = this.#parts.models.current();
    return !this.#isStopping && serving !== undefined && unloadedOf(serving).length === 0;
  }

  route(selector: Selector): Assignment {
    if (this.#isStopping) throw new CoveyError('MODEL_UNAVAILABLE', 'the runtime is shutting down');
    if (this.#targets === undefined) throw new CoveyError('MODEL_UNAVAILABLE', 'no models are loaded yet');
    return this.#targets.assign(selector);
  }

  async infer(servable: Servable, call: InferenceCall): Promise<InferenceReply> {
    const { observer, mirror } = this.#parts;
    const assignment = servable as Assignment;
    const { target } = assignment;
    const trace = observer.begin(call);
    try {
      checkInputs(target.model.schema, call.inputs);
      if (assignment.tookTurn) this.#targets?.router.took(target.model.ref.model, target.model.ref.version);
      const running = this.#run(target, call, trace);
      observer.catchUp();
      const result = await running;
      const finish = () => this.#finish(assignment, call, trace, result);
      const { outputs, timings } = result;
      const own = { model: target.model, outputs, timings, finish };
      const refining = assignment.isRouted && this.#refined(target, call, outputs, trace);
      return refining ? { ...own, ...(await refining) } : own;
    } catch (error) {
      const { code } = toCoveyError(error);
      observer.failed(target.instance, call, trace, code);
      if (isModelsFault(code, call.timeoutMs)) mirror.failed(target);
      throw error;
    }
  }

  refused(servable: Servable): void {
    this.#parts.observer.statistics.failed((servable as Assignment).target.instance, 'INPUT_INVALID', 0);
  }

  statistics(model?: string, version?: string): ModelStatistics[] {
    const { models, observer } = this.#parts;
    const loaded = [...(models.current()?.versions ?? [])].flatMap(([name, versions]) =>
      model === undefined || name === model ? [...versions.values()] : [],
    );
    const isAsked = model !== undefined && (version !== undefined || loaded.length === 0);
    const asked = isAsked ? [this.route({ model, version, key: undefined }).target.instance] : loaded;
    return asked.map((instance) => observer.statistics.of(instance));
  }

  async profile(selector: Selector, durationMs: number) {
    const { profileModel } = this.#parts;
    if (!profileModel) throw new CoveyError('UNSUPPORTED', 'models cannot be profiled here');
    if (this.#isProfiling) throw new CoveyError('CONFLICT', 'a profile is under way: one at a time');
    const { model, samples } = this.route(selector).target.instance;
    this.#isProfiling = true;
    try {
      const { path, schema, provider, threads } = model;
      const profile = await profileModel({ path, schema, provider, threads, samples, durationMs });
      return { model, profile };
    } finally {
      this.#isProfiling = false;
    }
  }

  figures(): RuntimeFigures {
    return this.#parts.observer.figures();
  }

  async apply(plan: ServingPlan): Promise<void> {
    checkPlan(plan);
    await this.#parts.models.apply(plan);
  }

  /** Requests see `serving` from now on. */
  switched(serving: Serving): void {
    const { mirror, shadows, cascades, threads } = this.#parts;
    const targets = createTargets(serving, threads, (instance) => this.#cacheOf(instance));
    const { served, incumbents } = targets;
    this.#targets = targets;
    cascades.begin(serving.plan.routes ?? []);
    mirror.begin({ plan: serving.plan, served, incumbents });
    shadows.begin(serving.plan, targets.get);
  }

  whenAnswered(): Promise<unknown> {
    return Promise.allSettled([...this.#pipelines]);
  }

  stopAccepting(): void {
    this.#isStopping = true;
  }

  async close(graceMs: number): Promise<void> {
    const { models, clock, mirror, shadows, threads, observer } = this.#parts;
    this.#isStopping = true;
    // A model that still computes is left behind.
    const graceful = (work: Promise<void>) =>
      Promise.race([work, new Promise<void>((resolve) => clock.setTimer(graceMs, resolve))]);
    await graceful(models.close());
    await threads.close();
    mirror.stop();
    shadows.stop();
    await graceful(observer.stop());
  }

  #cacheOf(instance: Instance): ResponseCache | undefined {
    const { clock, observer } = this.#parts;
    const maxBytes = instance.model.settings?.cacheBytes;
    const onAsked = (isHit: boolean) => observer.statistics.cached(instance, isHit);
    return maxBytes === undefined ? undefined : createResponseCache({ maxBytes, clock, onAsked });
  }

  #run(target: Target, call: InferenceCall, trace: Trace | undefined): Promise<Ran> {
    const { inputs, priority, timeoutMs, signal, receivedMs } = call;
    const deadlineMs = timeoutMs === undefined ? undefined : receivedMs + timeoutMs;
    const options = { priority, deadlineMs, signal, trace };
    const run = () => target.run(inputs, options);
    const running: Promise<Ran> = target.cache ? target.cache.answer(inputs, options, run) : run();
    if (target.isPipeline) {
      this.#pipelines.add(running);
      const ended = () => void this.#pipelines.delete(running);
      running.then(ended, ended);
    }
    return running;
  }

  /** The answer of a bigger model, where the route has one and the device is not sure. */
  #refined({ model }: Target, call: InferenceCall, outputs: Tensors, trace: Trace | undefined) {
    const cascade = this.#parts.cascades.of(model.ref.model);
    if (!cascade) return undefined;
    const { inputs, timeoutMs, receivedMs, traceparent, tracestate } = call;
    const left = (timeoutMs ?? Number.POSITIVE_INFINITY) - (performance.now() - receivedMs);
    return cascade.refine(inputs, outputs, model.schema, left, { trace, traceparent, tracestate });
  }

  #finish(
    assignment: Assignment,
    call: InferenceCall,
    trace: Trace | undefined,
    result: Ran,
  ): Promise<void> | undefined {
    const { observer, mirror, shadows } = this.#parts;
    const { target, isRouted } = assignment;
    const { instance } = target;
    const own = target.isPipeline ? result.own : { inputs: call.inputs, outputs: result.outputs };
    observer.answered(instance, call, trace, result, own?.inputs ?? call.inputs);
    const look = own && observer.sampled(instance, own.inputs, own.outputs);
    const isCompared = mirror.isOpen || (isRouted && shadows.isOpen);
    // Nobody looks at most answers: a turn of the event loop for each took 4 us.
    return look || isCompared ? this.#lookAt(assignment, call.inputs, result, look) : undefined;
  }

  /** When the answer is on its way. */
  async #lookAt(
    { target, isRouted }: Assignment,
    inputs: Tensors,
    result: Ran,
    look: (() => Promise<void>) | undefined,
  ): Promise<void> {
    const { mirror, shadows, nextTurn, log } = this.#parts;
    await nextTurn();
    // What did not run has been compared when it did.
    const hasRun = result.timings.batchSize > 0;
    try {
      await Promise.all([
        hasRun && mirror.answered(target, inputs, result),
        hasRun && isRouted && shadows.answered(target, inputs, result),
        look?.(),
      ]);
    } catch (error) {
      // The client has its answer: a fault in measuring is for the log.
      log.write('error', `an answered request could not be measured: ${String(error)}`);
    }
  }
}
