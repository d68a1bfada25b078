import type { Log } from '@covey/ports';
import { median } from '../measure/index.ts';
import type { Runnable } from '../pipeline/index.ts';
import type { RunOptions, RunResult } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { agree, distanceOf } from './compare.ts';

/** Inputs in hand at a time; while so many wait, further ones are dropped, not queued. */
const mostInHand = 2;
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
}

/** Answered requests, a share of them, run on another version too, and compared. */
export class Comparison {
  readonly #share: number;
  readonly #restsPerRun: number;
  readonly #log: Log;
  /** Grows by the share with every request; at 1 the request is taken: spreads the sample evenly. */
  #credit = 0;
  #inHand = 0;
  /** On performance.now(). */
  #restsUntilMs = 0;
  readonly #counts = { samples: 0, agreements: 0, failures: 0, dropped: 0 };
  readonly #distances: number[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #otherLatenciesMs: number[] = [];

  /** After a run, `restsPerRun` times as long, none begins: where cores are few, those who wait for an answer need them. */
  constructor(share: number, restsPerRun: number, log: Log) {
    this.#share = share;
    this.#restsPerRun = restsPerRun;
    this.#log = log;
  }

  /**
   * `answered` gave `result` for `inputs`: runs `other` on them if it is their turn. Resolves when nobody looks at the
   * tensors any more; rejects never.
   */
  async offer(answered: Runnable, inputs: Tensors, result: RunResult, other: Runnable): Promise<void> {
    this.#credit += this.#share;
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
      this.#restsUntilMs = endedMs + this.#restsPerRun * (endedMs - startedMs);
      this.#inHand--;
    }
  }

  figures(): ComparisonFigures {
    return {
      ...this.#counts,
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
