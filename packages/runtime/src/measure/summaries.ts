import type { Clock } from '@covey/ports';
import type { LoadedModel, Summary } from '@covey/protocol';
import { mergeSummaries, SummaryAccumulator } from '@covey/stats';
import type { Tensors } from '../tensors/index.ts';
import { Sampler } from './sampler.ts';
import { batchSize } from './statistics.ts';

/** What is summarized: one instance of a model, and the reference its summaries count against. */
export interface SummarizedInstance {
  readonly model: LoadedModel;
  readonly reference: Summary | undefined;
}

/** The summary of one instance, window after window, from a uniform sample of its requests. */
export class InstanceSummary {
  readonly #instance: SummarizedInstance;
  readonly #clock: Clock;
  readonly #sampler: Sampler;
  /** By level, so that a level can be given up. */
  readonly #levels = new Map<number, SummaryAccumulator>();
  #empty: SummaryAccumulator;
  #answered = 0;

  constructor(instance: SummarizedInstance, clock: Clock, random: () => number) {
    this.#instance = instance;
    this.#clock = clock;
    this.#sampler = new Sampler(random);
    this.#sampler.begin(clock.monotonicMs());
    this.#empty = accumulatorOf(instance, clock.now());
  }

  /** What is left to do for an answered request: look at it; undefined when it is not in the sample. */
  offer(inputs: Tensors, outputs: Tensors, share: number): (() => void) | undefined {
    const { model } = this.#instance;
    const inferences = batchSize(model, inputs);
    this.#answered += inferences;
    const level = this.#sampler.offer(this.#clock.monotonicMs(), share);
    if (level === undefined) return undefined;
    return () => {
      const fromMs = this.#clock.monotonicMs();
      this.#accumulatorAt(level).add(inputs, outputs, inferences);
      this.#sampler.spent(this.#clock.monotonicMs() - fromMs);
    };
  }

  /** The summary of the window that ends now; undefined when nothing was looked at. */
  take(): Summary | undefined {
    const toMs = this.#clock.now();
    this.#giveUp();
    const summaries = [...this.#levels.values()].map((accumulator) => accumulator.take(toMs));
    const answered = this.#answered;
    this.#levels.clear();
    this.#empty.take(toMs);
    this.#answered = 0;
    this.#sampler.begin(this.#clock.monotonicMs());
    if (summaries.length === 0) return undefined;
    const summary = summaries.reduce(mergeSummaries);
    summary.answeredInferences = answered;
    return summary;
  }

  #accumulatorAt(level: number): SummaryAccumulator {
    this.#giveUp();
    const found = this.#levels.get(level);
    if (found) return found;
    const made = this.#empty.sibling();
    this.#levels.set(level, made);
    return made;
  }

  /** Forgets the levels below the lowest that counts; of a window with nothing else its highest stays. */
  #giveUp(): void {
    const kept = Math.min(this.#sampler.lowest, Math.max(...this.#levels.keys()));
    for (const level of this.#levels.keys()) if (level < kept) this.#levels.delete(level);
  }
}

function accumulatorOf({ model, reference }: SummarizedInstance, fromMs: number): SummaryAccumulator {
  const { ref, variant, schema, classification } = model;
  return new SummaryAccumulator(
    {
      model: ref.model,
      version: ref.version,
      variant,
      schema,
      ...(classification && { classification }),
      ...(reference && { reference }),
    },
    fromMs,
  );
}
