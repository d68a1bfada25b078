import type { Clock, Log } from '@covey/ports';
import type { RuntimeToAgent, ServingPlan, ShadowEvidence } from '@covey/protocol';
import type { Runnable } from '../pipeline/index.ts';
import type { RunResult } from '../scheduler/index.ts';
import type { Tensors } from '../tensors/index.ts';
import { Comparison } from './comparison.ts';
import { type EvidenceTimer, startEvidenceTimer } from './evidence-timer.ts';

/** Versions that see requests and answer nobody. Nothing here can fail or delay a live request. */
export interface Shadows {
  /** Begins anew for a plan; `find` gives a version that is loaded. Evidence is sent while the plan has shadows. */
  begin(plan: ServingPlan, find: (model: string, version: string) => Runnable | undefined): void;
  /** Whether the plan has shadows. */
  readonly isOpen: boolean;
  /** A request was answered by the model's route. Resolves when the tensors are no longer looked at. */
  answered(version: Runnable, inputs: Tensors, result: RunResult): Promise<void>;
  /** Sends the last evidence and ends. */
  stop(): void;
}

/** A shadow stays for as long as its route: it computes for a tenth of the time at most. */
const restsPerRun = 9;

type SendEvidence = (message: Extract<RuntimeToAgent, { type: 'shadow' }>) => void;

export function createShadows(clock: Clock, log: Log, send: SendEvidence): Shadows {
  let current: PlannedShadows | undefined;
  return {
    begin: (plan, find) => {
      current?.stop();
      const isShadowed = plan.routes?.some(({ shadow }) => shadow) ?? false;
      current = isShadowed ? new PlannedShadows(plan, find, clock, log, send) : undefined;
    },
    get isOpen() {
      return current !== undefined;
    },
    answered: async (version, inputs, result) => current?.answered(version, inputs, result),
    stop: () => current?.stop(),
  };
}

interface Shadow {
  requests: number;
  version: Runnable;
  comparison: Comparison;
}

class PlannedShadows {
  /** By model name. */
  readonly #shadows = new Map<string, Shadow>();
  readonly #timer: EvidenceTimer;

  constructor(
    { plan, routes = [] }: ServingPlan,
    find: (model: string, version: string) => Runnable | undefined,
    clock: Clock,
    log: Log,
    send: SendEvidence,
  ) {
    for (const { model, shadow } of routes) {
      const version = shadow && find(model, shadow.version);
      if (!version) continue;
      this.#shadows.set(model, {
        requests: 0,
        version,
        comparison: new Comparison(
          { share: shadow.share, restsPerRun, maxLatencyRatio: Number.POSITIVE_INFINITY },
          log,
        ),
      });
    }
    this.#timer = startEvidenceTimer(clock, () => send({ type: 'shadow', plan, evidence: this.#evidence() }));
  }

  async answered(version: Runnable, inputs: Tensors, result: RunResult): Promise<void> {
    const shadow = this.#shadows.get(version.model.ref.model);
    if (shadow === undefined || shadow.version === version) return;
    shadow.requests++;
    await shadow.comparison.offer(version, inputs, result, shadow.version);
    this.#timer.note();
  }

  stop(): void {
    this.#timer.stop();
  }

  #evidence(): ShadowEvidence[] {
    return [...this.#shadows.values()].map(({ requests, version, comparison }) => {
      const { otherLatencyMs, ...figures } = comparison.figures();
      const { model, version: name } = version.model.ref;
      return { model, version: name, requests, ...figures, shadowLatencyMs: otherLatencyMs };
    });
  }
}
