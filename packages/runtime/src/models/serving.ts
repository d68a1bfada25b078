import { CoveyError, type ServingPlan } from '@covey/protocol';
import type { Instance } from './instance.ts';

/** What serves at one moment. A new plan replaces it as a whole, so that no request sees half of two. */
export interface Serving {
  readonly plan: ServingPlan;
  /** By model name. */
  readonly instances: ReadonlyMap<string, Instance>;
  /** The versions before, by model name: those of a soak. */
  readonly incumbents: ReadonlyMap<string, Instance>;
}

/** The instance a request means: `version` is SemVer or the version's number, undefined is whatever serves. Errors: MODEL_UNKNOWN. */
export function findInstance(serving: Serving, model: string, version: string | undefined): Instance {
  const instance = serving.instances.get(model);
  if (instance === undefined) throw new CoveyError('MODEL_UNKNOWN', `no model ${model} is deployed here`);
  const { ref } = instance.model;
  if (version !== undefined && version !== ref.version && version !== String(ref.number)) {
    throw new CoveyError('MODEL_UNKNOWN', `model ${model} serves version ${ref.version}, not ${version}`);
  }
  return instance;
}
