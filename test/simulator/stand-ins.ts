import type { Program, ProgramSelf } from '@covey/ports/simulated';
import type {
  AgentToRuntime,
  LoadedModel,
  Metrics,
  MirrorEvidence,
  ProbeJob,
  ProbeResult,
  RuntimeToAgent,
  ServingPlan,
  Summary,
} from '@covey/protocol';
import { ExponentialHistogramAccumulator } from '@covey/stats';

const loadMs = 50;
const probeMs = 100;

/** What is running as a device's runtime, seen from outside. */
export interface RuntimeLife {
  /** What it serves now. */
  plan: ServingPlan | undefined;
  isAlive(): boolean;
  crash(): void;
}

/** Share of inputs on which a version decides as the one before, by the digest of its bundle; 0: it cannot run at all. */
export type AgreementOf = (bundle: string) => number;

/** Stands in for the runtime: serves a steady traffic whose outcome is decided by the version alone. */
export function runtimeProgram(
  agreementOf: AgreementOf,
  requestsPerSecond: () => number,
  { onStart, onPlan }: { onStart: (life: RuntimeLife) => void; onPlan: (plan: ServingPlan) => void },
): Program {
  return (self) => {
    const runtime = new StandInRuntime(self, agreementOf, requestsPerSecond, onPlan);
    onStart(runtime);
    return { onMessage: (message) => runtime.obey(message as AgentToRuntime) };
  };
}

class StandInRuntime implements RuntimeLife {
  plan: ServingPlan | undefined;
  readonly #self: ProgramSelf;
  readonly #agreementOf: AgreementOf;
  readonly #requestsPerSecond: () => number;
  readonly #onPlan: (plan: ServingPlan) => void;
  /** Since the plan was applied. */
  #requests = 0;
  /** Requests not yet reported. */
  #unmetered = 0;
  #unsummed = 0;

  constructor(
    self: ProgramSelf,
    agreementOf: AgreementOf,
    requestsPerSecond: () => number,
    onPlan: (plan: ServingPlan) => void,
  ) {
    this.#self = self;
    this.#requestsPerSecond = requestsPerSecond;
    this.#onPlan = onPlan;
    this.#agreementOf = agreementOf;
  }

  isAlive(): boolean {
    return this.#self.isAlive();
  }

  crash(): void {
    this.#self.exit({ code: null, signal: 'SIGSEGV' });
  }

  obey(order: AgentToRuntime): void {
    if (order.type === 'start') {
      this.#every(1_000, () => this.#serve());
      this.#every(order.metricsIntervalMs, () => this.#sendMetrics());
      this.#every(order.summaryIntervalMs, () => this.#sendSummaries());
      this.#send({ type: 'ready', url: 'http://127.0.0.1:8000', port: 8000 });
    } else if (order.type === 'apply') {
      this.#self.world.clock.setTimer(loadMs, () => this.isAlive() && this.#apply(order.plan));
    } else if (order.type === 'drain') {
      this.#self.exit({ code: 0, signal: null });
    }
  }

  #apply(plan: ServingPlan): void {
    this.#sendMetrics();
    this.#sendSummaries();
    this.plan = plan;
    this.#requests = 0;
    this.#onPlan(plan);
    this.#send({ type: 'applied', plan: plan.plan });
  }

  #serve(): void {
    if (!this.plan) return;
    const requests = this.#requestsPerSecond();
    this.#requests += requests;
    this.#unmetered += requests;
    this.#unsummed += requests;
    const { plan, models, mirror } = this.plan;
    if (!mirror) return;
    const evidence = models.map((model) => this.#evidenceOf(model, mirror.models));
    this.#send({ type: 'mirror', plan, evidence });
  }

  #evidenceOf({ ref }: LoadedModel, mirrored: LoadedModel[]): MirrorEvidence {
    const requests = this.#requests;
    const samples = mirrored.some((model) => model.ref.model === ref.model) ? requests : 0;
    return {
      model: ref.model,
      requests,
      errors: 0,
      samples,
      agreements: Math.round(samples * this.#agreementOf(ref.bundle)),
      latencyMs: samples > 0 ? 1 : null,
      incumbentLatencyMs: samples > 0 ? 1 : null,
      slower: 0,
      shift: { gained: [], lost: [] },
    };
  }

  #sendMetrics(): void {
    const requests = this.#unmetered;
    this.#unmetered = 0;
    const toMs = this.#self.world.clock.now();
    const models = requests === 0 ? [] : (this.plan?.models ?? []);
    const metrics: Metrics = {
      $typeName: 'covey.v1.Metrics',
      fromMs: toMs,
      toMs,
      models: models.map(({ ref, variant, provider }) => {
        const latencyMs = new ExponentialHistogramAccumulator();
        latencyMs.addAll(Array.from({ length: requests }, (_, index) => 1 + (index % 3)));
        return {
          $typeName: 'covey.v1.ModelMetrics',
          ...{ model: ref.model, version: ref.version, variant, provider },
          ...{ requests, errors: 0, rejected: 0, latencyMs: latencyMs.toMessage() },
          ...{ inferences: requests, executions: requests, busyMs: requests, pending: 0 },
          ...{ failures: [], batches: [], cacheHits: 0, cacheMisses: 0 },
        };
      }),
    };
    this.#send({ type: 'metrics', metrics });
  }

  #sendSummaries(): void {
    const inferences = this.#unsummed;
    this.#unsummed = 0;
    if (inferences === 0) return;
    const toMs = this.#self.world.clock.now();
    for (const { ref, variant } of this.plan?.models ?? []) {
      const summary: Summary = {
        $typeName: 'covey.v1.Summary',
        ...{ model: ref.model, version: ref.version, variant, inferences },
        ...{ fromMs: toMs, toMs, tensors: [], classCounts: [], answeredInferences: inferences },
      };
      this.#send({ type: 'summary', summary });
    }
  }

  #send(message: RuntimeToAgent): void {
    this.#self.send(message);
  }

  #every(ms: number, act: () => void): void {
    this.#self.world.clock.setTimer(ms, () => {
      if (!this.isAlive()) return;
      act();
      this.#every(ms, act);
    });
  }
}

/** Stands in for the probe: every variant computes what it should, but of a version that cannot run. */
export const probeProgram =
  (agreementOf: AgreementOf): Program =>
  (self) => ({
    onMessage: (message) => {
      const { candidates } = message as ProbeJob;
      const results = candidates.flatMap(({ ref, variants }) =>
        variants.map(
          ({ name }): ProbeResult => ({
            ...{
              model: ref.model,
              version: ref.version,
              variant: name,
              provider: 'cpu',
              ok: agreementOf(ref.bundle) > 0,
              chosen: agreementOf(ref.bundle) > 0,
            },
            ...{ maxError: 0, latencyMs: 1, memoryBytes: 1e6 },
          }),
        ),
      );
      self.world.clock.setTimer(probeMs, () => {
        self.send({ type: 'verdict', hardware: 'simulated', results });
        self.exit({ code: 0, signal: null });
      });
    },
  });
