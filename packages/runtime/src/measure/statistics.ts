import type { ErrorCode, LoadedModel } from '@covey/protocol';
import type { SchedulerState, Timings } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { failureReason } from './failure.ts';
import { Tally } from './tally.ts';

/** What is counted: one version in one variant, loaded. */
export interface CountedInstance {
  readonly model: LoadedModel;
  readonly state: SchedulerState;
}

/** What Triton's statistics extension, and the metrics, tell of a model since it was loaded. */
export interface ModelStatistics extends Omit<Readonly<Tally>, 'answered' | 'failed' | 'cached' | 'merge'> {
  readonly model: LoadedModel;
  readonly state: SchedulerState;
}

/** The one place where requests are counted: per version and variant, kept for as long as it is loaded. */
export interface Statistics {
  /** An answered request that took `latencyMs` from the whole request read to the answer ready. */
  served(instance: CountedInstance, inputs: Tensors, latencyMs: number, timings: Timings): void;
  /** A request that was not answered, and why. */
  failed(instance: CountedInstance, code: ErrorCode, latencyMs: number): void;
  /** A request that the response cache was asked for. */
  cached(instance: CountedInstance, isHit: boolean): void;
  /** All zero before the first request. */
  of(instance: CountedInstance): ModelStatistics;
  /** What was counted since the last call, of all that counted anything. */
  takeWindow(): Map<CountedInstance, Tally>;
}

export function createStatistics(now: () => number): Statistics {
  /** By the object that is the loaded model: what is no longer loaded is forgotten with it. */
  const totals = new WeakMap<CountedInstance, Tally>();
  let window = new Map<CountedInstance, Tally>();
  const current = (instance: CountedInstance) => {
    const found = window.get(instance);
    if (found) return found;
    const made = new Tally();
    window.set(instance, made);
    return made;
  };
  return {
    served: (instance, inputs, latencyMs, timings) => {
      const tally = current(instance);
      tally.answered(batchSize(instance.model, inputs), latencyMs, timings);
      tally.lastInferenceMs = now();
    },
    failed: (instance, code, latencyMs) => {
      const tally = current(instance);
      tally.failed(failureReason(code), latencyMs);
      tally.lastInferenceMs = now();
    },
    cached: (instance, isHit) => current(instance).cached(isHit),
    of: (instance) => {
      const sum = new Tally();
      for (const tally of [totals.get(instance), window.get(instance)]) if (tally) sum.merge(tally);
      const { model, state } = instance;
      return Object.assign(sum, { model, state });
    },
    takeWindow: () => {
      const taken = window;
      window = new Map();
      for (const [instance, tally] of taken) {
        const total = totals.get(instance) ?? new Tally();
        total.merge(tally);
        totals.set(instance, total);
      }
      return taken;
    },
  };
}

/** Inferences in one request: the first dimension of the first input that has more than one. */
export function batchSize({ schema }: LoadedModel, inputs: Tensors): number {
  const batched = schema.inputs.find(({ shape }) => shape.length > 1);
  return (batched && inputs[batched.name]?.shape[0]) ?? 1;
}
