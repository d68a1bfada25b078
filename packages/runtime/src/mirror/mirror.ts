import type { Clock, Log } from '@covey/ports';
import type { MirrorEvidence, RuntimeToAgent, ServingPlan } from '@covey/protocol';
import type { Runnable } from '../pipeline/index.ts';
import type { RunResult } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { Comparison } from './comparison.ts';
import { type EvidenceTimer, startEvidenceTimer } from './evidence-timer.ts';

/** What serves during a soak, by model name. */
export interface SoakedVersions {
  plan: ServingPlan;
  served: ReadonlyMap<string, Runnable>;
  /** The versions before. */
  incumbents: ReadonlyMap<string, Runnable>;
}

/** Collects the evidence of a soak. Nothing here can fail or delay a live request. */
export interface Mirror {
  /** Begins anew for a plan; evidence is sent while the plan holds a mirror. */
  begin(versions: SoakedVersions): void;
  /** Whether there is a soak. */
  readonly isOpen: boolean;
  /**
   * A live request was answered with `result`: offers its inputs for a second run on the incumbent. Resolves when they
   * are no longer looked at.
   */
  answered(version: Runnable, inputs: Tensors, result: RunResult): Promise<void>;
  /** A live request was failed by the model. */
  failed(version: Runnable): void;
  /** Sends the last evidence and ends. */
  stop(): void;
}

/** A soak is short, and ends when there is evidence enough. */
const restsPerRun = 0;

type SendEvidence = (message: Extract<RuntimeToAgent, { type: 'mirror' }>) => void;

export function createMirror(clock: Clock, log: Log, send: SendEvidence): Mirror {
  let soak: Soak | undefined;
  return {
    begin: (versions) => {
      soak?.stop();
      soak = versions.plan.mirror ? new Soak(versions, clock, log, send) : undefined;
    },
    get isOpen() {
      return soak !== undefined;
    },
    answered: async (version, inputs, result) => soak?.answered(version, inputs, result),
    failed: (version) => soak?.failed(version),
    stop: () => soak?.stop(),
  };
}

interface Side {
  requests: number;
  errors: number;
  comparison: Comparison;
}

/** The evidence of one plan. */
class Soak {
  readonly #versions: SoakedVersions;
  readonly #sides: Map<string, Side>;
  readonly #timer: EvidenceTimer;

  constructor(versions: SoakedVersions, clock: Clock, log: Log, send: SendEvidence) {
    const { plan, served } = versions;
    const { sampleShare: share = 0, maxLatencyRatio = Number.POSITIVE_INFINITY } = plan.mirror ?? {};
    this.#versions = versions;
    this.#sides = new Map(
      [...served.keys()].map((model) => [
        model,
        { requests: 0, errors: 0, comparison: new Comparison({ share, restsPerRun, maxLatencyRatio }, log) },
      ]),
    );
    this.#timer = startEvidenceTimer(clock, () =>
      send({ type: 'mirror', plan: plan.plan, evidence: this.#evidence() }),
    );
  }

  async answered(version: Runnable, inputs: Tensors, result: RunResult): Promise<void> {
    const side = this.#sideOf(version);
    if (side === undefined) return;
    side.requests++;
    this.#timer.note();
    const incumbent = this.#versions.incumbents.get(version.model.ref.model);
    if (incumbent === undefined || incumbent === version) return;
    await side.comparison.offer(version, inputs, result, incumbent);
    this.#timer.note();
  }

  failed(version: Runnable): void {
    const side = this.#sideOf(version);
    if (side === undefined) return;
    side.requests++;
    side.errors++;
    this.#timer.note();
  }

  stop(): void {
    this.#timer.stop();
  }

  /** A request that began before the switch may end after it: it is not about this plan. */
  #sideOf(version: Runnable): Side | undefined {
    const { model } = version.model.ref;
    return this.#versions.served.get(model) === version ? this.#sides.get(model) : undefined;
  }

  #evidence(): MirrorEvidence[] {
    return [...this.#sides].map(([model, { requests, errors, comparison }]) => {
      const { samples, agreements, latencyMs, otherLatencyMs, slower, shift } = comparison.figures();
      return {
        ...{ model, requests, errors, samples, agreements, slower, shift },
        latencyMs,
        incumbentLatencyMs: otherLatencyMs,
      };
    });
  }
}
