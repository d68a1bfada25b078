import {
  CoveyError,
  type LoadedModel,
  type ModelVersionRef,
  type ServingPlan,
  versionsNamed,
} from '@covey/protocol';
import type { Instance } from './instance.ts';

/** What serves at one moment. A new plan replaces it as a whole, so that no request sees half of two. */
export interface Serving {
  readonly plan: ServingPlan;
  /** What answers a request that names no version, by model name: the route's version, else the newest. */
  readonly instances: ReadonlyMap<string, Instance>;
  /** Every loaded version: by model name, then by SemVer. */
  readonly versions: ReadonlyMap<string, ReadonlyMap<string, Instance>>;
  /** The versions before, by model name: those of a soak. */
  readonly incumbents: ReadonlyMap<string, Instance>;
}

/** What serves when `plan` is true; `instanceOf` gives undefined for what the repository was told to unload. */
export function servingOf(
  plan: ServingPlan,
  instanceOf: (model: LoadedModel) => Instance | undefined,
): Serving {
  const versions = new Map<string, Map<string, Instance>>();
  for (const model of plan.models) {
    const instance = instanceOf(model);
    if (instance === undefined) continue;
    const ofModel = versions.get(model.ref.model) ?? new Map<string, Instance>();
    versions.set(model.ref.model, ofModel.set(model.ref.version, instance));
  }
  const instances = new Map<string, Instance>();
  for (const [name, ofModel] of versions) {
    const routed = plan.routes?.find(({ model }) => model === name)?.version;
    const instance = routed === undefined ? newestOf(ofModel) : ofModel.get(routed);
    if (instance) instances.set(name, instance);
  }
  const incumbents = new Map<string, Instance>();
  for (const model of plan.mirror?.models ?? []) {
    const instance = instanceOf(model);
    if (instance) incumbents.set(model.ref.model, instance);
  }
  return { plan, instances, versions, incumbents };
}

/** Models of the plan that the repository was told to unload. */
export function unloadedOf({ plan, versions }: Serving): ModelVersionRef[] {
  return plan.models.flatMap(({ ref }) => (versions.get(ref.model)?.has(ref.version) ? [] : [ref]));
}

/** Every instance that a serving state holds, once. */
export function instancesOf(serving: Serving | undefined): Instance[] {
  if (serving === undefined) return [];
  const served = [...serving.versions.values()].flatMap((ofModel) => [...ofModel.values()]);
  return [...new Set([...served, ...serving.incumbents.values()])];
}

/**
 * Channels and shares move only to versions that are loaded with them; what is quarantined may come back.
 * Errors: INVALID_DOCUMENT naming a version that a route of the plan names and the plan does not hold.
 */
export function checkRoutes({ plan, models, routes = [], quarantined = [] }: ServingPlan): void {
  const known = [...models, ...quarantined].map(({ ref }) => ref);
  for (const route of routes) {
    const { model, version } = route;
    for (const one of [version, ...versionsNamed(route)]) {
      if (known.some((ref) => ref.model === model && ref.version === one)) continue;
      throw new CoveyError(
        'INVALID_DOCUMENT',
        `plan ${plan} routes ${model} to version ${one}, which it does not hold`,
      );
    }
  }
}

function newestOf(ofModel: ReadonlyMap<string, Instance>): Instance | undefined {
  const newestFirst = [...ofModel.values()].sort((a, b) => b.model.ref.number - a.model.ref.number);
  return newestFirst[0];
}
