import type { Program } from '@covey/ports/simulated';
import type {
  AgentToRuntime,
  MirrorEvidence,
  ModelVersionRef,
  ProbeJob,
  ProbeResult,
  ServingPlan,
} from '@covey/protocol';

/** How the simulated runtime and probe treat a version. */
export interface Behaviour {
  probe: 'good' | 'golden-mismatch' | 'crash' | 'hang' | 'invalid';
  /** What the runtime answers to a plan with it. */
  apply: 'good' | 'fail' | 'crash';
  /** Share of live inputs on which it decides as the version before. */
  agreement: number;
  errorRate: number;
  /** The runtime dies this long after it serves. */
  crashAfterMs: number | null;
  /** The probe finds that it runs there too, and is no faster. */
  worksOnWebGpu: boolean;
}
export const wellBehaved: Behaviour = {
  probe: 'good',
  apply: 'good',
  agreement: 1,
  errorRate: 0,
  crashAfterMs: null,
  worksOnWebGpu: false,
};

/** A runtime that serves what it is told and compares as the versions' behaviours say. */
export function runtimeProgram(
  behaviourOf: (ref: ModelVersionRef) => Behaviour,
  served: ServingPlan[],
  traffic: { requestsPerSecond: number; listensAfterMs: number },
): Program {
  return (self) => {
    const every = (ms: number, act: () => void) =>
      self.world.clock.setTimer(ms, () => {
        if (!self.isAlive()) return;
        act();
        every(ms, act);
      });
    let current: { plan: ServingPlan; seconds: number } | undefined;
    const die = () => self.exit({ code: null, signal: 'SIGSEGV' });
    const apply = (plan: ServingPlan) => {
      const behaviours = plan.models.map((model) => behaviourOf(model.ref));
      if (behaviours.some(({ apply }) => apply === 'crash')) return die();
      if (behaviours.some(({ apply }) => apply === 'fail')) {
        const error = { code: 'MODEL_INVALID' as const, message: 'no such operator', remedy: '' };
        return self.send({ type: 'applied', plan: plan.plan, error });
      }
      current = { plan, seconds: 0 };
      served.push(plan);
      self.send({ type: 'applied', plan: plan.plan });
      for (const { crashAfterMs } of behaviours) {
        if (crashAfterMs !== null)
          self.world.clock.setTimer(crashAfterMs, () => current?.plan === plan && die());
      }
    };
    every(1000, () => {
      if (!current || traffic.requestsPerSecond === 0) return;
      const requests = ++current.seconds * traffic.requestsPerSecond;
      const evidence = current.plan.models.map(({ ref }): MirrorEvidence => {
        const { agreement, errorRate } = behaviourOf(ref);
        const isMirrored = current?.plan.mirror?.models.some((model) => model.ref.model === ref.model);
        const samples = isMirrored ? requests : 0;
        return {
          model: ref.model,
          requests,
          errors: Math.round(requests * errorRate),
          samples,
          agreements: Math.round(samples * agreement),
          latencyMs: isMirrored ? 1 : null,
          incumbentLatencyMs: isMirrored ? 1 : null,
          ...{ slower: 0, shift: { gained: [], lost: [] } },
        };
      });
      self.send({ type: 'mirror', plan: current.plan.plan, evidence });
    });
    return {
      onMessage: (message) => {
        const order = message as AgentToRuntime;
        if (order.type === 'start') listen(self, traffic.listensAfterMs);
        else if (order.type === 'apply')
          self.world.clock.setTimer(50, () => self.isAlive() && apply(order.plan));
        else if (order.type === 'drain') self.exit({ code: 0, signal: null });
      },
    };
  };
}

function listen({ world, send }: Parameters<Program>[0], afterMs: number): void {
  const ready = () => send({ type: 'ready', url: 'http://127.0.0.1:8000', port: 8000 });
  if (afterMs > 0) world.clock.setTimer(afterMs, ready);
  else ready();
}

/** A probe that finds what the versions' behaviours say. */
export function probeProgram(behaviourOf: (ref: ModelVersionRef) => Behaviour, probed: ProbeJob[]): Program {
  return (self) => ({
    onMessage: (message) => {
      const job = message as ProbeJob;
      const { candidates } = job;
      probed.push(job);
      const kinds = candidates.map(({ ref }) => behaviourOf(ref).probe);
      if (kinds.includes('crash')) return self.exit({ code: null, signal: 'SIGABRT' });
      if (kinds.includes('hang')) return;
      const results = candidates.flatMap(({ ref, variants }) =>
        variants.map(({ name }): ProbeResult => {
          const kind = behaviourOf(ref).probe;
          const reason =
            kind === 'golden-mismatch' ? 'GOLDEN_MISMATCH: y[0] is 2, expected 1' : 'MODEL_INVALID';
          const measured = {
            model: ref.model,
            version: ref.version,
            variant: name,
            provider: 'cpu' as const,
            threads: 2,
          };
          const figures = { maxError: 0, latencyMs: 1, memoryBytes: 1e6 };
          return kind === 'good'
            ? { ...measured, ...figures, ok: true, chosen: true }
            : { ...measured, ...figures, ok: false, chosen: false, reason };
        }),
      );
      const onWebGpu = candidates
        .filter(({ ref }) => behaviourOf(ref).worksOnWebGpu)
        .flatMap(({ ref }) => results.filter(({ version }) => version === ref.version))
        .map((result): ProbeResult => ({ ...result, provider: 'webgpu', chosen: false }));
      self.world.clock.setTimer(100, () => {
        self.send({ type: 'verdict', hardware: 'simulated', results: [...results, ...onWebGpu] });
        self.exit({ code: 0, signal: null });
      });
    },
  });
}
