import { CoveyError, type ModelVersionRef, type Route, type ServingPlan } from '@covey/protocol';
import { type Arm, armOfKey, armsOf, createTurns, type Turns } from './split.ts';
import { newestOf, versionNamed } from './versions.ts';

/** What a request says of who shall answer it. */
export interface Asked {
  model: string;
  /** SemVer, the version's number, or a channel; undefined leaves it to the route. */
  version: string | undefined;
  /** Requests with the same key are routed alike. */
  key: string | undefined;
}

/** Which version answers what, as a plan has it. */
export interface Router {
  /** The version that answers. Nothing is counted before `took`. Errors: MODEL_UNKNOWN, naming what there is. */
  version(asked: Asked): string;
  /** Every version that may answer requests that ask so. Errors: MODEL_UNKNOWN. */
  candidates(model: string, version: string | undefined): string[];
  /** A request without version and key runs: the next one is another version's turn. */
  took(model: string, version: string): void;
}

interface RoutedModel {
  refs: ModelVersionRef[];
  route: Route | undefined;
  arms: Arm[];
  turns: Turns;
}

export function createRouter({ models, routes = [] }: Pick<ServingPlan, 'models' | 'routes'>): Router {
  const routed = new Map<string, RoutedModel>();
  for (const { ref } of models) {
    if (routed.has(ref.model)) continue;
    const refs = models.filter((other) => other.ref.model === ref.model).map((other) => other.ref);
    const route = routes.find(({ model }) => model === ref.model);
    const arms = armsOf(route ?? { version: newestOf(refs) ?? ref.version });
    routed.set(ref.model, { refs, route, arms, turns: createTurns(arms) });
  }
  const find = (model: string): RoutedModel => {
    const found = routed.get(model);
    if (found) return found;
    throw new CoveyError('MODEL_UNKNOWN', `no model ${model} is deployed here`);
  };
  const named = (model: string, version: string) => {
    const { refs, route } = find(model);
    return versionNamed(model, refs, route?.channels ?? {}, version);
  };
  return {
    version: ({ model, version, key }) => {
      if (version !== undefined) return named(model, version);
      const { arms, turns } = find(model);
      const chosen = key === undefined ? turns.next() : armOfKey(arms, model, key);
      if (chosen !== undefined) return chosen;
      throw new CoveyError('MODEL_UNKNOWN', `model ${model} has no version to answer`);
    },
    candidates: (model, version) =>
      version === undefined ? find(model).arms.map((arm) => arm.version) : [named(model, version)],
    took: (model, version) => routed.get(model)?.turns.took(version),
  };
}
