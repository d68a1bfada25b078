import { CoveyError, type LoadedModel, type ServingPlan } from '@covey/protocol';
import type { ResponseCache } from '../cache/index.ts';
import type { Instance, Serving } from '../models/index.ts';
import {
  checkPipelines,
  clientSchema,
  createPipeline,
  type PipelineResult,
  type Runnable,
  type StepThreads,
} from '../pipeline/index.ts';
import { createRouter, type Router } from '../routing/index.ts';
import type { RunOptions, RunResult } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';
import type { Selector, Servable } from './call.ts';

/** One version as clients see it: a loaded model, or the pipeline that its bundle declares around it. */
export interface Target extends Runnable {
  /** The schema is what clients see. */
  readonly model: LoadedModel;
  readonly instance: Instance;
  readonly isPipeline: boolean;
  /** Of this version and variant, for as long as the plan serves; undefined where the model's settings ask for none. */
  readonly cache: ResponseCache | undefined;
  /** A pipeline's says what its bundle's own model was given and gave. */
  run(inputs: Tensors, options: RunOptions): Promise<RunResult & Partial<PipelineResult>>;
}

/** A request's target, and how it was come by. */
export interface Assignment extends Servable {
  readonly target: Target;
  /** The model's route chose: shadow and cascade are for these. */
  readonly isRouted: boolean;
  /** It was the version's turn. */
  readonly tookTurn: boolean;
}

/** All that a serving state answers with. A request keeps the state in which it began. */
export interface Targets {
  readonly router: Router;
  /** By model name and SemVer; undefined for what is not loaded. */
  get(model: string, version: string): Target | undefined;
  /** Versions of a soak: those that serve without being named, and those before. By model name. */
  readonly served: ReadonlyMap<string, Target>;
  readonly incumbents: ReadonlyMap<string, Target>;
  /** Errors: MODEL_UNKNOWN, MODEL_UNAVAILABLE (unloaded by hand), MODEL_QUARANTINED. */
  assign(selector: Selector): Assignment;
}

/** Errors: INVALID_DOCUMENT for a pipeline that does not fit what it calls. */
export function checkPlan(plan: ServingPlan): void {
  const router = createRouter(plan);
  checkPipelines(plan.models, (model, version) => {
    // What is quarantined is not in the plan, and may come back.
    if (plan.quarantined?.some(({ ref }) => ref.model === model)) return [];
    const names = router.candidates(model, version);
    return plan.models.filter(({ ref }) => ref.model === model && names.includes(ref.version));
  });
}

export function createTargets(
  serving: Serving,
  threads: StepThreads,
  cacheOf: (instance: Instance) => ResponseCache | undefined,
): Targets {
  const { plan } = serving;
  const router = createRouter(plan);
  const made = new Map<Instance, Target>();
  const find = (model: string, version: string | undefined) =>
    assign({ model, version, key: undefined }).target;
  const targetOf = (instance: Instance): Target => {
    const known = made.get(instance);
    if (known) return known;
    const target = createTarget(instance, threads, cacheOf(instance), find);
    made.set(instance, target);
    return target;
  };
  const assign = ({ model, version, key }: Selector): Assignment => {
    const quarantined = plan.quarantined?.find(({ ref }) => ref.model === model);
    if (quarantined) throw new CoveyError('MODEL_QUARANTINED', quarantined.reason);
    const chosen = router.version({ model, version, key });
    const instance = serving.versions.get(model)?.get(chosen);
    if (instance === undefined) throw new CoveyError('MODEL_UNAVAILABLE', `model ${model} is not loaded`);
    const target = targetOf(instance);
    const isRouted = version === undefined;
    return { model: target.model, target, isRouted, tookTurn: isRouted && key === undefined };
  };
  const all = (instances: ReadonlyMap<string, Instance>) =>
    new Map([...instances].map(([model, instance]) => [model, targetOf(instance)]));
  return {
    router,
    get: (model, version) => {
      const instance = serving.versions.get(model)?.get(version);
      return instance && targetOf(instance);
    },
    served: all(serving.instances),
    incumbents: all(serving.incumbents),
    assign,
  };
}

function createTarget(
  instance: Instance,
  threads: StepThreads,
  cache: ResponseCache | undefined,
  find: (model: string, version: string | undefined) => Target,
): Target {
  const { pipeline, classification } = instance.model;
  if (!pipeline) {
    return {
      model: instance.model,
      instance,
      isPipeline: false,
      cache,
      run: (inputs, options) => instance.run(inputs, options),
    };
  }
  const runner = createPipeline({ pipeline, own: instance, find, threads, classification });
  return {
    model: { ...instance.model, schema: clientSchema(instance.model) },
    instance,
    isPipeline: true,
    cache,
    run: (inputs, options) => runner.run(inputs, options),
  };
}
