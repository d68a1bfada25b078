import type { LoadedModel } from '@covey/protocol';

/** The states of Triton's repository extension. */
export type ModelState = 'LOADING' | 'READY' | 'UNLOADING' | 'UNAVAILABLE';

/** One version of a model, as the repository lists it. */
export interface RepositoryEntry {
  name: string;
  /** SemVer. */
  version: string;
  state: ModelState;
  /** Why it is not ready; empty when it is. */
  reason: string;
}

/** The models of the plan, loaded and unloaded by hand. A new plan leaves unloaded what it holds unchanged. */
export interface Repository {
  /** Every version of the plan, in its order; those that still answer their last requests after it. */
  index(): RepositoryEntry[];
  /**
   * Loads every version of a model that is not loaded, and resolves when they serve; all are loaded, or none.
   * Errors: MODEL_UNKNOWN, and those of loading.
   */
  load(name: string): Promise<void>;
  /** Unloads every version of a model; resolves when their last requests have been answered. Errors: MODEL_UNKNOWN. */
  unload(name: string): Promise<void>;
}

/** What is known of versions besides that they serve, by instance key. */
export interface RepositoryNotes {
  loading: ReadonlyMap<string, LoadedModel>;
  unloading: ReadonlyMap<string, LoadedModel>;
  /** Why the last load failed. */
  failures: ReadonlyMap<string, string>;
}

const reasons = {
  LOADING: 'it is being loaded',
  UNLOADING: 'it answers its last requests',
  UNAVAILABLE: 'unloaded',
} as const;

export function repositoryIndex(
  planned: readonly LoadedModel[],
  isServed: (model: LoadedModel) => boolean,
  keyOf: (model: LoadedModel) => string,
  { loading, unloading, failures }: RepositoryNotes,
): RepositoryEntry[] {
  const entry = ({ ref }: LoadedModel, state: ModelState, reason: string): RepositoryEntry => ({
    name: ref.model,
    version: ref.version,
    state,
    reason,
  });
  const listed = new Map<string, RepositoryEntry>();
  for (const model of planned) {
    const key = keyOf(model);
    if (isServed(model) && !loading.has(key)) listed.set(key, entry(model, 'READY', ''));
    else if (unloading.has(key)) listed.set(key, entry(model, 'UNLOADING', reasons.UNLOADING));
    else if (!loading.has(key)) {
      listed.set(key, entry(model, 'UNAVAILABLE', failures.get(key) ?? reasons.UNAVAILABLE));
    }
  }
  for (const [key, model] of loading) listed.set(key, entry(model, 'LOADING', reasons.LOADING));
  for (const [key, model] of unloading) {
    if (!listed.has(key)) listed.set(key, entry(model, 'UNLOADING', reasons.UNLOADING));
  }
  return [...listed.values()];
}
