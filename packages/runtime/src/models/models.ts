import { CoveyError, type LoadedModel, type ServingPlan, toCoveyError } from '@covey/protocol';
import type { Platform } from '../platform/index.ts';
import {
  type Instance,
  type InstanceOptions,
  instanceKey,
  type PreparedInstance,
  prepareInstance,
} from './instance.ts';
import { createModelMemory, type ModelMemory } from './memory.ts';
import { type Repository, type RepositoryEntry, repositoryIndex } from './repository.ts';
import { checkRoutes, instancesOf, type Serving, servingOf } from './serving.ts';

export interface ModelsOptions extends Omit<InstanceOptions, 'memory' | 'files'> {
  platform: Platform;
  /** That of the platform where it is left out. */
  memory?: ModelMemory;
  /** Called with the new serving state, at the moment requests begin to see it. */
  onSwitch: (serving: Serving) => void;
  /** Resolves when nobody who began before will run an instance again that no longer serves. */
  whenAnswered: () => Promise<unknown>;
  /** Called when an instance has answered its last request, and this thread has had a turn to look at it. */
  onRelease: (instance: Instance) => void;
}

/** The loaded models: makes true what a plan says. */
export interface Models extends Repository {
  /** Undefined until the first plan has been applied. */
  current(): Serving | undefined;
  /**
   * Loads and warms what is missing, switches, then lets what is no longer wanted finish and releases it; resolves at the
   * switch. Where memory does not hold both, what is no longer wanted is released first, and requests wait for what is
   * loaded in its place. Plans are applied one after the other. On an error, which names the model, everything is as it
   * was before. Errors: those of loading, INVALID_DOCUMENT (a route names a version that the plan does not hold).
   */
  apply(plan: ServingPlan): Promise<void>;
  /** Lets running requests finish and releases everything. */
  close(): Promise<void>;
}

export function createModels(options: ModelsOptions): Models {
  return new PlannedModels(options);
}

class PlannedModels implements Models {
  readonly #options: ModelsOptions & InstanceOptions;
  #serving: Serving | undefined;
  /** Plans, loads and unloads, one after the other. */
  #queue: Promise<void> = Promise.resolve();
  /** Keys of what the repository was told to unload. */
  #unloaded = new Set<string>();
  readonly #loading = new Map<string, LoadedModel>();
  readonly #unloading = new Map<string, LoadedModel>();
  readonly #failures = new Map<string, string>();
  readonly #draining = new Set<Promise<void>>();

  constructor(options: ModelsOptions) {
    const { platform } = options;
    this.#options = { memory: createModelMemory(platform), files: platform.files, ...options };
  }

  current(): Serving | undefined {
    return this.#serving;
  }

  apply(plan: ServingPlan): Promise<void> {
    return this.#next(() => {
      checkRoutes(plan);
      const kept = new Set(plan.models.map(instanceKey).filter((key) => this.#unloaded.has(key)));
      return this.#become(plan, kept);
    });
  }

  index(): RepositoryEntry[] {
    const served = new Set(instancesOf(this.#serving).map(({ model }) => instanceKey(model)));
    return repositoryIndex(
      this.#serving?.plan.models ?? [],
      (model) => served.has(instanceKey(model)),
      instanceKey,
      { loading: this.#loading, unloading: this.#unloading, failures: this.#failures },
    );
  }

  load(name: string): Promise<void> {
    return this.#next(() => {
      const { plan, keys } = this.#planned(name);
      const stillUnloaded = new Set([...this.#unloaded].filter((key) => !keys.includes(key)));
      return this.#become(plan, stillUnloaded);
    });
  }

  async unload(name: string): Promise<void> {
    await this.#next(() => {
      const { plan, keys } = this.#planned(name);
      return this.#become(plan, new Set([...this.#unloaded, ...keys]));
    });
    await Promise.all(this.#draining);
  }

  async close(): Promise<void> {
    await this.#queue;
    for (const instance of instancesOf(this.#serving)) this.#drain(instance);
    await Promise.all(this.#draining);
  }

  /** A failed step is its caller's business, not that of the step after it. */
  #next(step: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(step);
    this.#queue = done.catch(() => {});
    return done;
  }

  #planned(name: string): { plan: ServingPlan; keys: string[] } {
    const plan = this.#serving?.plan;
    const keys = (plan?.models ?? []).filter(({ ref }) => ref.model === name).map(instanceKey);
    if (plan === undefined || keys.length === 0) {
      throw new CoveyError('MODEL_UNKNOWN', `no model ${name} is deployed here`);
    }
    return { plan, keys };
  }

  /** Makes `plan` true but for what is `unloaded`. */
  async #become(plan: ServingPlan, unloaded: Set<string>): Promise<void> {
    const wanted = new Map<string, LoadedModel>();
    for (const model of [...plan.models, ...(plan.mirror?.models ?? [])]) {
      const key = instanceKey(model);
      if (!unloaded.has(key)) wanted.set(key, model);
    }
    const kept = new Map<string, Instance>();
    const leaving: Instance[] = [];
    for (const instance of instancesOf(this.#serving)) {
      const key = instanceKey(instance.model);
      if (wanted.has(key)) kept.set(key, instance);
      else leaving.push(instance);
    }
    const missing = [...wanted].filter(([key]) => !kept.has(key));
    for (const [key, model] of missing) this.#loading.set(key, model);
    try {
      const fresh = await this.#prepare(missing);
      const next = servingOf(plan, (model) => kept.get(instanceKey(model)) ?? fresh.get(instanceKey(model)));
      const models = missing.map(([, model]) => model);
      if (leaving.length === 0 || (await this.#fit(models))) await this.#loadThenSwitch(next, fresh);
      else await this.#switchThenLoad(next, fresh, leaving);
      this.#unloaded = unloaded;
    } finally {
      this.#loading.clear();
    }
  }

  async #prepare(missing: [string, LoadedModel][]): Promise<Map<string, PreparedInstance>> {
    const prepared = new Map<string, PreparedInstance>();
    try {
      for (const [key, model] of missing) prepared.set(key, await prepareInstance(model, this.#options));
      return prepared;
    } catch (error) {
      await Promise.all([...prepared.values()].map((instance) => instance.close()));
      throw error;
    }
  }

  /** Whether memory holds these besides all that is loaded. */
  async #fit(models: readonly LoadedModel[]): Promise<boolean> {
    const { memory } = this.#options;
    const needs = await Promise.all(models.map((model) => memory.estimateBytes(model)));
    return needs.reduce((sum, bytes) => sum + bytes, 0) <= memory.availableBytes();
  }

  async #loadThenSwitch(next: Serving, fresh: ReadonlyMap<string, PreparedInstance>): Promise<void> {
    try {
      await this.#load(fresh);
    } catch (error) {
      await Promise.all([...fresh.values()].map((instance) => instance.close()));
      throw error;
    }
    this.#switchTo(next);
  }

  /** Requests wait in the new instances while the old ones give their memory back. */
  async #switchThenLoad(
    next: Serving,
    fresh: ReadonlyMap<string, PreparedInstance>,
    leaving: readonly Instance[],
  ): Promise<void> {
    const before = this.#serving;
    this.#switchTo(next);
    await Promise.all(this.#draining);
    try {
      await this.#load(fresh, leaving);
    } catch (error) {
      if (before) await this.#goBack(before, fresh, leaving, toCoveyError(error));
      throw error;
    }
  }

  /** Serves again what was released for what could not be loaded. */
  async #goBack(
    before: Serving,
    fresh: ReadonlyMap<string, PreparedInstance>,
    released: readonly Instance[],
    error: CoveyError,
  ): Promise<void> {
    const again = await this.#prepare(released.map(({ model }) => [instanceKey(model), model]));
    for (const instance of fresh.values()) {
      const other = [...again.values()].find((old) => isLike(old.model, instance.model));
      instance.giveUp(error, other);
    }
    const kept = new Map(instancesOf(before).map((instance) => [instanceKey(instance.model), instance]));
    this.#switchTo(
      servingOf(before.plan, (model) => again.get(instanceKey(model)) ?? kept.get(instanceKey(model))),
    );
    await Promise.all(this.#draining);
    await this.#load(again);
  }

  #switchTo(serving: Serving): void {
    const before = instancesOf(this.#serving);
    this.#serving = serving;
    this.#options.onSwitch(serving);
    const kept = new Set(instancesOf(serving));
    for (const instance of before) if (!kept.has(instance)) this.#drain(instance);
  }

  #drain(instance: Instance): void {
    const key = instanceKey(instance.model);
    this.#unloading.set(key, instance.model);
    const { whenAnswered, platform } = this.#options;
    const closed = whenAnswered()
      .then(() => instance.close())
      .then(platform.nextTurn);
    const done = closed.then(() => {
      this.#unloading.delete(key);
      this.#options.onRelease(instance);
      this.#draining.delete(done);
    });
    this.#draining.add(done);
  }

  /** Loads one after the other, each warmed with what clients sent to the version before it. */
  async #load(
    fresh: ReadonlyMap<string, PreparedInstance>,
    released: readonly Instance[] = [],
  ): Promise<void> {
    const before = [...instancesOf(this.#serving), ...released];
    for (const [key, instance] of fresh) {
      const like = before.find((old) => old !== instance && isLike(old.model, instance.model));
      try {
        await instance.load(like?.samples ?? []);
        this.#failures.delete(key);
        this.#loading.delete(key);
      } catch (error) {
        this.#failures.set(key, error instanceof Error ? error.message : String(error));
        throw error;
      }
    }
  }
}

/** Versions of one model that take the same inputs and give the same outputs. */
function isLike(a: LoadedModel, b: LoadedModel): boolean {
  return a.ref.model === b.ref.model && JSON.stringify(a.schema) === JSON.stringify(b.schema);
}
