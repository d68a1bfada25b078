import type { Clock, Log, Timer } from '@covey/ports';
import type { MirrorEvidence, RuntimeToAgent } from '@covey/protocol';
import { median } from '../measure/index.ts';
import type { Instance, Serving } from '../models/index.ts';
import type { RunOptions, RunResult } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { agree } from './compare.ts';

/** Mirrored inputs in hand per model; while so many wait, further ones are dropped, not queued. */
const maxPending = 2;
/** Latencies kept per model and side, the newest. */
const latenciesKept = 501;
/** Changed evidence is sent at once but for this much, unchanged evidence every `heartbeatMs`. */
const changedAfterMs = 250;
const heartbeatMs = 1_000;

const mirrorRun: RunOptions = { priority: 0, deadlineMs: undefined, signal: undefined };

/** Collects the evidence of a soak. Nothing here can fail or delay a live request. */
export interface Mirror {
  /** Begins anew for a plan; evidence is sent while the plan holds a mirror. */
  begin(serving: Serving): void;
  /**
   * A live request was answered with `result`: offers its inputs for a second run on the incumbent. Resolves when they
   * are no longer looked at.
   */
  answered(instance: Instance, inputs: Tensors, result: RunResult): Promise<void>;
  /** A live request was failed by the model. */
  failed(instance: Instance): void;
  /** Sends the last evidence and ends. */
  stop(): void;
}

interface Side {
  counts: Omit<MirrorEvidence, 'latencyMs' | 'incumbentLatencyMs'>;
  latenciesMs: number[];
  incumbentLatenciesMs: number[];
  /** Grows by the sampled share with every request; at 1 the request is mirrored: spreads the sample evenly. */
  credit: number;
  pending: number;
}

type SendEvidence = (message: Extract<RuntimeToAgent, { type: 'mirror' }>) => void;

export function createMirror(clock: Clock, log: Log, send: SendEvidence): Mirror {
  let soak: Soak | undefined;
  return {
    begin: (serving) => {
      soak?.stop();
      soak = serving.plan.mirror ? new Soak(serving, clock, log, send) : undefined;
    },
    answered: async (instance, inputs, result) => soak?.answered(instance, inputs, result),
    failed: (instance) => soak?.failed(instance),
    stop: () => soak?.stop(),
  };
}

/** The evidence of one plan. */
class Soak {
  readonly #serving: Serving;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #send: SendEvidence;
  readonly #sides: Map<string, Side>;
  #timer: Timer | undefined;
  #changed = false;

  constructor(serving: Serving, clock: Clock, log: Log, send: SendEvidence) {
    this.#serving = serving;
    this.#clock = clock;
    this.#log = log;
    this.#send = send;
    this.#sides = new Map([...serving.instances.keys()].map((model) => [model, emptySide(model)]));
    this.#sendAfter(heartbeatMs);
  }

  async answered(instance: Instance, inputs: Tensors, result: RunResult): Promise<void> {
    const side = this.#sideOf(instance);
    if (side === undefined) return;
    side.counts.requests++;
    this.#note();
    const incumbent = this.#serving.incumbents.get(instance.model.ref.model);
    if (incumbent === undefined || incumbent === instance || !this.#isSampled(side)) return;
    side.pending++;
    await this.#mirror(side, instance, incumbent, inputs, result);
    side.pending--;
  }

  failed(instance: Instance): void {
    const side = this.#sideOf(instance);
    if (side === undefined) return;
    side.counts.requests++;
    side.counts.errors++;
    this.#note();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#sendNow();
  }

  /** A request that began before the switch may end after it: it is not about this plan. */
  #sideOf(instance: Instance): Side | undefined {
    const { model } = instance.model.ref;
    return this.#serving.instances.get(model) === instance ? this.#sides.get(model) : undefined;
  }

  #isSampled(side: Side): boolean {
    side.credit += this.#serving.plan.mirror?.sampleShare ?? 0;
    // Rounding must not make a share of 1 miss one.
    if (side.credit < 1 - 1e-9) return false;
    side.credit -= 1;
    return side.pending < maxPending;
  }

  async #mirror(
    side: Side,
    instance: Instance,
    incumbent: Instance,
    inputs: Tensors,
    result: RunResult,
  ): Promise<void> {
    try {
      const before = await incumbent.run(inputs, mirrorRun);
      this.#compare(side, instance, incumbent, result, before);
    } catch (error) {
      // The version before may not take this input at all: that is no evidence about the new one.
      this.#log.write('debug', `an input could not be mirrored: ${String(error)}`);
    }
  }

  #compare(side: Side, instance: Instance, incumbent: Instance, now: RunResult, before: RunResult): void {
    const agreed = agree(
      { outputs: now.outputs, classification: instance.model.classification },
      { outputs: before.outputs, classification: incumbent.model.classification },
    );
    if (agreed === undefined) return;
    side.counts.samples++;
    if (agreed) side.counts.agreements++;
    keep(side.latenciesMs, now.timings.inferMs);
    keep(side.incumbentLatenciesMs, before.timings.inferMs);
    this.#note();
  }

  #note(): void {
    if (this.#changed) return;
    this.#changed = true;
    this.#timer?.cancel();
    this.#sendAfter(changedAfterMs);
  }

  #sendAfter(delayMs: number): void {
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#sendNow();
      this.#sendAfter(heartbeatMs);
    });
  }

  #sendNow(): void {
    this.#changed = false;
    const evidence = [...this.#sides.values()].map(({ counts, latenciesMs, incumbentLatenciesMs }) => ({
      ...counts,
      latencyMs: median(latenciesMs),
      incumbentLatencyMs: median(incumbentLatenciesMs),
    }));
    this.#send({ type: 'mirror', plan: this.#serving.plan.plan, evidence });
  }
}

function emptySide(model: string): Side {
  return {
    counts: { model, requests: 0, errors: 0, samples: 0, agreements: 0 },
    latenciesMs: [],
    incumbentLatenciesMs: [],
    credit: 0,
    pending: 0,
  };
}

function keep(latenciesMs: number[], latencyMs: number): void {
  latenciesMs.push(latencyMs);
  if (latenciesMs.length > latenciesKept) latenciesMs.shift();
}
