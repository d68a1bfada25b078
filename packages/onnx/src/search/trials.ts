import { type ErrorCode, toCoveyError } from '@covey/protocol';
import { type Calibration, calibrate, type Ranges, type Sample } from '../calibrate/index.ts';
import {
  type Budget,
  compareRuns,
  type Evaluation,
  errorLimits,
  type LabelledMetric,
  withinBudget,
} from '../compare/index.ts';
import type { Execution, LoadedModel } from '../execution.ts';
import { type Model, writeModel } from '../model/index.ts';
import type { Group } from './groups.ts';
import type { Reference } from './reference.ts';
import { calibrationName, createQuantizer, type Quantizer, type Scheme } from './scheme.ts';
import type { Steps } from './steps.ts';

/** One variant that was made and compared. */
export interface Trial {
  scheme: string;
  /** Names of the nodes left in fp32, of those that the scheme would quantize. */
  kept: string[];
  within: boolean;
  /** Part of the budget that is used up by its tightest criterion. */
  use: number;
  /** What breaks the budget, or why the variant could not be made or run. */
  reason?: string;
  sizeBytes?: number;
  evaluation?: Evaluation;
  /** How many samples it was compared on: a few where they broke the budget so far that the others cannot mend it. */
  samples?: number;
}

export interface TrialOptions {
  model: Model;
  execution: Execution;
  /** Samples whose values calibrate, and samples whose outputs are compared; they may be the same. */
  calibrationSamples: readonly Sample[];
  samples: readonly Sample[];
  budget: Budget;
  reference: Reference;
  steps: Steps;
}

/** Makes variants and compares them with the reference; each step once. */
export class Trials {
  /** In the order tried. */
  readonly trail: Trial[] = [];
  readonly #options: TrialOptions;
  readonly #few: readonly Sample[];
  readonly #quantizers = new Map<Scheme, Quantizer>();
  readonly #tried = new Map<string, Trial>();

  constructor(options: TrialOptions) {
    this.#options = options;
    this.#few = spread(options.samples, fewSamples);
  }

  async quantizer(scheme: Scheme): Promise<Quantizer> {
    const made = this.#quantizers.get(scheme);
    if (made !== undefined) return made;
    const quantizer = await createQuantizer(this.#options.model, scheme, (calibration) =>
      this.#ranges(calibration),
    );
    this.#quantizers.set(scheme, quantizer);
    return quantizer;
  }

  /** The variant with `keep` in fp32, against the budget. A variant that cannot be made or run is outside of it. */
  async trial(quantizer: Quantizer, keep: ReadonlySet<string>): Promise<Trial> {
    const kept = this.inOrder(quantizer, keep);
    const key = `${quantizer.name}; in fp32: ${kept.length} ${JSON.stringify(kept)}`;
    const tried = this.#tried.get(key);
    if (tried !== undefined) return tried;
    const { steps, budget } = this.#options;
    const step = `${key}; budget ${JSON.stringify(budget)}`;
    const trial = await steps.once('trial', step, () => this.#try(quantizer, kept));
    this.#tried.set(key, trial);
    this.trail.push(trial);
    return trial;
  }

  /**
   * The errors that quantizing the nodes of `group` alone makes on a few samples; undefined where that cannot be run. No part
   * of the trail; the user's metric takes no part either, since a few samples say little about it.
   */
  async alone(
    quantizer: Quantizer,
    group: Group,
    part: { done: number; total: number },
  ): Promise<Evaluation | undefined> {
    const others = new Set(quantizer.nodes.map(({ name }) => name));
    for (const name of group.nodes) others.delete(name);
    const step = `${quantizer.name}; ${group.nodes.length} from ${group.name}`;
    const find = async () => {
      const made = await this.#make(quantizer, [...others], (loaded) => this.#compare(loaded, this.#few));
      return 'failure' in made ? null : made.found;
    };
    return (await this.#options.steps.once('sensitivity', step, find, part)) ?? undefined;
  }

  /** Those of `names` that the scheme would quantize, in its order. */
  inOrder({ nodes }: Quantizer, names: ReadonlySet<string>): string[] {
    return nodes.map(({ name }) => name).filter((name) => names.has(name));
  }

  /** The bytes of the variant that leaves `kept` in fp32. */
  bytes(quantizer: Quantizer, kept: readonly string[]): Uint8Array {
    return writeModel(quantizer.quantize(new Set(kept)));
  }

  async #try(quantizer: Quantizer, kept: string[]): Promise<Trial> {
    const { samples, budget } = this.#options;
    const about = { scheme: quantizer.name, kept };
    const made = await this.#make(quantizer, kept, async (loaded) => {
      const limits = errorLimits(budget);
      if (limits !== undefined && this.#few.length < samples.length) {
        const evaluation = await this.#compare(loaded, this.#few);
        const verdict = withinBudget(evaluation, limits);
        if (verdict.use > (isWorstCase(limits) ? 1 : hopeless))
          return { ...verdict, evaluation, samples: this.#few.length };
      }
      const evaluation = await this.#compare(loaded, samples, budget.metric?.metric);
      return { ...withinBudget(evaluation, budget), evaluation, samples: samples.length };
    });
    if ('failure' in made) return { ...about, within: false, use: Number.MAX_VALUE, reason: made.failure };
    return { ...about, ...made.found, sizeBytes: made.sizeBytes };
  }

  /** Makes a variant, loads it and looks at it; or why it cannot be made or run. */
  async #make<Found>(
    quantizer: Quantizer,
    kept: readonly string[],
    look: (loaded: LoadedModel) => Promise<Found>,
  ): Promise<{ found: Found; sizeBytes: number } | { failure: string }> {
    try {
      const bytes = this.bytes(quantizer, kept);
      const loaded = await this.#options.execution.load(bytes);
      try {
        return { found: await look(loaded), sizeBytes: bytes.byteLength };
      } finally {
        await loaded.release();
      }
    } catch (error) {
      const { code, message } = toCoveyError(error);
      if (!unusable.has(code)) throw error;
      return { failure: message };
    }
  }

  async #compare(
    loaded: LoadedModel,
    samples: readonly Sample[],
    labelled?: LabelledMetric,
  ): Promise<Evaluation> {
    const { reference, budget } = this.#options;
    const { outputs, metric } = await compareRuns(
      (sample) => reference.answer(sample),
      (sample) => loaded.run(sample),
      samples,
      {
        ...(labelled && { metric: labelled }),
        ...(budget.classOutput !== undefined && { classOutput: budget.classOutput }),
      },
    );
    return { outputs, ...(metric && { metric }) };
  }

  async #ranges(calibration: Calibration): Promise<Ranges> {
    const { model, execution, calibrationSamples, steps } = this.#options;
    const entries = await steps.once('calibrate', calibrationName(calibration), async () => [
      ...(await calibrate(model, execution, calibrationSamples, calibration)),
    ]);
    return new Map(entries);
  }
}

/** What a variant that the execution cannot take or the scheme cannot make says; anything else is no finding. */
const unusable: ReadonlySet<ErrorCode> = new Set(['MODEL_UNSUPPORTED', 'MODEL_INVALID', 'INFERENCE_FAILED']);

/** Enough to rank groups by, whose errors differ by orders of magnitude, and to see that a variant is far outside. */
const fewSamples = 8;

/** A variant that uses the budget up this many times on the few samples is not compared on all. */
const hopeless = 2;

/** Whether the budget bounds the worst sample alone, so that a few that break it say all. */
function isWorstCase({ outputs, classOutput, maxAbsolute, ...others }: Budget): boolean {
  return maxAbsolute !== undefined && Object.keys(others).length === 0;
}

/** At most `count` of the samples, from all over them. */
function spread(samples: readonly Sample[], count: number): Sample[] {
  const step = Math.max(1, samples.length / count);
  return samples.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}
