import type { Clock, Log } from '@covey/ports';
import type { LoadedModel, ServingPlan } from '@covey/protocol';
import { type Instance, instanceKey, loadInstance } from './instance.ts';
import type { Serving } from './serving.ts';

export interface ModelsOptions {
  clock: Clock;
  log: Log;
  /** Called with the new serving state, at the moment requests begin to see it. */
  onSwitch: (serving: Serving) => void;
  /** Called when an instance has answered its last request. */
  onRelease: (instance: Instance) => void;
}

/** The loaded models: makes true what a plan says. */
export interface Models {
  /** Undefined until the first plan has been applied. */
  current(): Serving | undefined;
  /**
   * Loads and warms what is missing, switches, then lets what is no longer wanted finish and releases it; resolves at the
   * switch. Plans are applied one after the other. On an error, which names the model, everything stays as it was.
   */
  apply(plan: ServingPlan): Promise<void>;
  /** Lets running requests finish and releases everything. */
  close(): Promise<void>;
}

export function createModels(options: ModelsOptions): Models {
  let serving: Serving | undefined;
  let queue: Promise<void> = Promise.resolve();
  const draining = new Set<Promise<void>>();

  const drain = (instance: Instance) => {
    const done = instance.close().then(() => {
      options.onRelease(instance);
      draining.delete(done);
    });
    draining.add(done);
  };
  const applyNow = async (plan: ServingPlan) => {
    const loaded = new Map(instancesOf(serving).map((instance) => [instanceKey(instance.model), instance]));
    const wanted = await loadMissing([...plan.models, ...(plan.mirror?.models ?? [])], loaded, options);
    const before = instancesOf(serving);
    serving = servingOf(plan, wanted);
    options.onSwitch(serving);
    const kept = new Set(instancesOf(serving));
    for (const instance of before) if (!kept.has(instance)) drain(instance);
  };
  return {
    current: () => serving,
    apply: (plan) => {
      const applied = queue.then(() => applyNow(plan));
      // A failed plan is its caller's business, not that of the plan after it.
      queue = applied.catch(() => {});
      return applied;
    },
    close: async () => {
      await queue;
      for (const instance of instancesOf(serving)) drain(instance);
      await Promise.all(draining);
    },
  };
}

/** Instances for all `models`: those in `loaded`, and new ones. When one cannot be loaded the new ones are released. */
async function loadMissing(
  models: LoadedModel[],
  loaded: ReadonlyMap<string, Instance>,
  options: ModelsOptions,
): Promise<ReadonlyMap<string, Instance>> {
  const wanted = new Map<string, Instance>();
  try {
    for (const model of models) {
      const key = instanceKey(model);
      if (wanted.has(key)) continue;
      wanted.set(key, loaded.get(key) ?? (await loadInstance(model, options)));
    }
    return wanted;
  } catch (error) {
    const fresh = [...wanted].filter(([key]) => !loaded.has(key));
    await Promise.all(fresh.map(([, instance]) => instance.close()));
    throw error;
  }
}

function servingOf(plan: ServingPlan, wanted: ReadonlyMap<string, Instance>): Serving {
  const byName = (models: LoadedModel[]) =>
    new Map(
      models.flatMap((model) => {
        const instance = wanted.get(instanceKey(model));
        return instance ? [[model.ref.model, instance]] : [];
      }),
    );
  return { plan, instances: byName(plan.models), incumbents: byName(plan.mirror?.models ?? []) };
}

function instancesOf(serving: Serving | undefined): Instance[] {
  return serving ? [...new Set([...serving.instances.values(), ...serving.incumbents.values()])] : [];
}
