import type { Log } from '@covey/ports';
import { median } from '../measure/index.ts';
import type { Runnable } from '../pipeline/index.ts';
import type { RunOptions, RunResult } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { agree, distanceOf } from './compare.ts';
import { OutputShift } from './shift.ts';

/** Inputs in hand at a time; while so many wait, further ones are dropped, not queued. */
const mostInHand = 2;
/** What a version may take longer whatever the ratio: nobody waits for it, and a clock is not finer. */
const slowerByMs = 1;
/** Samples kept for medians, the newest. */
const samplesKept = 501;

/** The last level of a model's queue: who is asked for an answer goes first. */
const afterwards: RunOptions = { priority: 9, deadlineMs: undefined, signal: undefined };

/** What was found so far. Medians are null before the first sample. */
export interface ComparisonFigures {
  samples: number;
  agreements: number;
  /** Runs of the other version that failed. */
  failures: number;
  /** Chosen, but not run: too many were in hand, or the last run was too short ago. */
  dropped: number;
  /** Relative error of the other version's floats. */
  distance: number | null;
  /** Milliseconds in the model. */
  latencyMs: number | null;
  otherLatencyMs: number | null;
  /** Samples on which the answering version took longer than allowed. */
  slower: number;
  /** Samples whose answer only the one version, or only the other, put in a class or bin. */
  shift: { gained: number[]; lost: number[] };
}

export interface ComparisonOptions {
  /** Of the answered requests. */
  share: number;
  /** After a run, so many times as long, none begins: where cores are few, those who wait for an answer need them. */
  restsPerRun: number;
  /** How many times as long as the other the answering version may take. */
  maxLatencyRatio: number;
}

/** Answered requests, a share of them, run on another version too, and compared. */
export class Comparison {
  readonly #options: ComparisonOptions;
  readonly #log: Log;
  /** Grows by the share with every request; at 1 the request is taken: spreads the sample evenly. */
  #credit = 0;
  #inHand = 0;
  /** On performance.now(). */
  #restsUntilMs = 0;
  readonly #counts = { samples: 0, agreements: 0, failures: 0, dropped: 0, slower: 0 };
  readonly #shift = new OutputShift();
  readonly #distances: number[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #otherLatenciesMs: number[] = [];

  constructor(options: ComparisonOptions, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  /**
   * `answered` gave `result` for `inputs`: runs `other` on them if it is their turn. Resolves when nobody looks at the
   * tensors any more; rejects never.
   */
  async offer(answered: Runnable, inputs: Tensors, result: RunResult, other: Runnable): Promise<void> {
    this.#credit += this.#options.share;
    // Rounding must not make a share of 1 miss one.
    if (this.#credit < 1 - 1e-9) return;
    this.#credit -= 1;
    const startedMs = performance.now();
    if (this.#inHand >= mostInHand || startedMs < this.#restsUntilMs) {
      this.#counts.dropped++;
      return;
    }
    this.#inHand++;
    try {
      this.#compare(answered, result, other, await other.run(inputs, afterwards));
    } catch (error) {
      // The other version may not take this input at all: that is no evidence about the one that answered.
      this.#counts.failures++;
      this.#log.write('debug', `an input could not be mirrored: ${String(error)}`);
    } finally {
      const endedMs = performance.now();
      this.#restsUntilMs = endedMs + this.#options.restsPerRun * (endedMs - startedMs);
      this.#inHand--;
    }
  }

  figures(): ComparisonFigures {
    return {
      ...this.#counts,
      shift: { gained: this.#shift.gained, lost: this.#shift.lost },
      distance: median(this.#distances),
      latencyMs: median(this.#latenciesMs),
      otherLatencyMs: median(this.#otherLatenciesMs),
    };
  }

  #compare(answered: Runnable, result: RunResult, other: Runnable, second: RunResult): void {
    const [one, two] = [
      { outputs: result.outputs, classification: answered.model.classification },
      { outputs: second.outputs, classification: other.model.classification },
    ];
    const agreed = agree(one, two);
    if (agreed === undefined) return;
    this.#counts.samples++;
    if (agreed) this.#counts.agreements++;
    this.#shift.add(one, two);
    const allowedMs = second.timings.inferMs * this.#options.maxLatencyRatio + slowerByMs;
    if (result.timings.inferMs > allowedMs) this.#counts.slower++;
    keep(this.#latenciesMs, result.timings.inferMs);
    keep(this.#otherLatenciesMs, second.timings.inferMs);
    const distance = distanceOf(two, one);
    if (distance !== undefined) keep(this.#distances, distance);
  }
}

function keep(samples: number[], sample: number): void {
  samples.push(sample);
  if (samples.length > samplesKept) samples.shift();
}
