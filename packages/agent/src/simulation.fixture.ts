import { createHash } from 'node:crypto';
import { type Bundle, buildBundle, createPublisherKey, trustRootOf } from '@covey/bundle';
import type { Log } from '@covey/ports';
import {
  type MachineOptions,
  type Program,
  type SimulatedMachine,
  simulatedBroker,
  simulatedFetch,
  simulatedMachine,
  simulatedProcesses,
  simulatedWorld,
} from '@covey/ports/simulated';
import {
  type AgentToRuntime,
  type Birth,
  canonicalJson,
  type Desired,
  type MirrorEvidence,
  type ModelVersionRef,
  type ProbeJob,
  type ProbeResult,
  type Reported,
  type ServingPlan,
  type SoakPolicy,
  topicOf,
} from '@covey/protocol';
import { decodeTelemetry } from '@covey/protocol/telemetry';
import { type Agent, createAgent } from './agent.ts';
import { initDeviceFolder } from './folder/index.ts';
import { storeIdentity } from './identity/index.ts';

export const deviceId = 'device-1';
const folder = '/data/covey';
export const publisher = createPublisherKey();
const stranger = createPublisherKey();

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
}
const wellBehaved: Behaviour = {
  probe: 'good',
  apply: 'good',
  agreement: 1,
  errorRate: 0,
  crashAfterMs: null,
};

export const soak: SoakPolicy = {
  minSamples: 20,
  maxDurationMs: 60_000,
  minAgreement: 0.9,
  maxErrorRate: 0.05,
};

export function makeBundle(
  version: string,
  options: { signedByStranger?: boolean; securityCounter?: number } = {},
) {
  const bytes = Buffer.alloc(200_000);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = (i * 31 + (i < 100_000 ? 0 : Number.parseInt(version, 10))) & 0xff;
  const tensor = { name: 'x', datatype: 'FP32' as const, shape: [1] };
  return buildBundle(
    {
      model: 'vibration',
      version,
      createdAt: '2026-01-01T00:00:00Z',
      securityCounter: options.securityCounter ?? 0,
      schema: { inputs: [tensor], outputs: [{ ...tensor, name: 'y' }] },
      variants: [{ name: 'fp32', bytes, tolerance: { absolute: 0, relative: 0 } }],
    },
    (options.signedByStranger ? stranger : publisher).privateKeyPem,
  );
}

/** A controller as far as one device sees it: hands out the desired state and bundles, receipts what arrives. */
export class ControllerStub {
  desired: Desired | undefined;
  readonly births: Birth[] = [];
  readonly deaths: string[] = [];
  readonly reports: Reported[] = [];
  /** Payload digests by seq: a seq that comes with two different payloads was given twice. */
  readonly received = new Map<number, string>();
  readonly dropped: { from: number; to: number; count: number }[] = [];
  reusedSeq: number[] = [];
  sendsReceipts = true;

  accept(seq: number, payload: Uint8Array): boolean {
    const digest = createHash('sha256').update(payload).digest('hex');
    const before = this.received.get(seq);
    if (before !== undefined && before !== digest) this.reusedSeq.push(seq);
    this.received.set(seq, digest);
    return before === undefined;
  }

  receipt(): { upTo: number; missing: number[] } {
    const upTo = Math.max(0, ...this.received.keys());
    const isAccounted = (seq: number) =>
      this.received.has(seq) || this.dropped.some(({ from, to }) => from <= seq && seq <= to);
    const missing: number[] = [];
    for (let seq = 1; seq <= upTo && missing.length < 1000; seq++) if (!isAccounted(seq)) missing.push(seq);
    return { upTo, missing };
  }
}

export type Simulation = ReturnType<typeof simulate>;

/** One device with the real agent, and everything around it simulated. */
export function simulate(seed: number | string, diskBytes = 512 * 1024 * 1024) {
  const world = simulatedWorld(seed);
  const controller = new ControllerStub();
  const bundles = new Map<string, Bundle>();
  const behaviours = new Map<string, Behaviour>();
  const behaviourOf = (ref: ModelVersionRef) => behaviours.get(ref.bundle) ?? wellBehaved;
  const served: ServingPlan[] = [];
  const traffic = { requestsPerSecond: 10 };
  const broker = simulatedBroker(world, {
    onMessage: (client, topic, payload) => void receive(client, topic.split('/').at(-1) ?? '', payload),
  });
  const send = (kind: 'desired' | 'receipt' | 'command', document: unknown) =>
    broker.send(deviceId, topicOf(deviceId, kind), Buffer.from(JSON.stringify(document)));
  const receive = async (_client: string, kind: string, payload: Uint8Array) => {
    const json = () => JSON.parse(Buffer.from(payload).toString());
    if (kind === 'birth') controller.births.push(json());
    else if (kind === 'death') controller.deaths.push(json().bootId);
    else if (kind === 'get') {
      if (controller.desired) send('desired', controller.desired);
    } else {
      await receiveSequenced(kind, payload, json);
      if (controller.sendsReceipts) send('receipt', controller.receipt());
    }
  };
  const receiveSequenced = async (
    kind: string,
    payload: Uint8Array,
    json: () => { seq: number; reported: Reported },
  ) => {
    if (kind === 'reported') {
      if (controller.accept(json().seq, payload)) controller.reports.push(json().reported);
      return;
    }
    const message = await decodeTelemetry(payload);
    const isNew = controller.accept(Number(message.seq), payload);
    const dropped = message.body.case === 'event' ? message.body.value.dropped : undefined;
    if (isNew && dropped) {
      controller.dropped.push({ from: Number(dropped.from), to: Number(dropped.to), count: dropped.count });
    }
  };
  const http = simulatedFetch(world, ({ url }) => {
    const [, what, digest = ''] = new URL(url).pathname.split('/');
    const body =
      what === 'bundles'
        ? bundles.get(digest)?.envelope
        : [...bundles.values()].map((bundle) => bundle.chunks.get(digest)).find(Boolean);
    return body ? { status: 200, headers: {}, body } : { status: 404, headers: {}, body: new Uint8Array(0) };
  });
  const programs = {
    'sim:runtime': runtimeProgram(behaviourOf, served, traffic),
    'sim:probe': probeProgram(behaviourOf),
  };
  const options: MachineOptions = {
    name: deviceId,
    diskBytes,
    link: broker.link,
    fetch: http.fetch,
    processes: simulatedProcesses(world, programs),
    log: silentLog,
  };
  const machine: SimulatedMachine = simulatedMachine(world, options);
  const device = { agent: undefined as Agent | undefined };
  return {
    world,
    controller,
    broker,
    http,
    machine,
    /** Plans that the runtime has applied, in order. */
    served,
    /** Live requests that the runtime sees. */
    traffic,
    enrol: async () => {
      const ports = machine.boot();
      const paths = await initDeviceFolder(ports.disk, folder);
      await storeIdentity(ports.disk, paths, {
        deviceId,
        mqttUrl: 'mqtts://controller:8883',
        deviceUrl: 'https://controller:8443',
        tags: {},
        keyPem: 'key',
        certificatePem: 'certificate',
        caPem: 'ca',
        trustRootBytes: trustRootOf([publisher.publicKeyPem]),
      });
    },
    boot: async () => {
      device.agent = createAgent(machine.boot(), {
        folder,
        agentVersion: '0.1.0',
        runtimeModule: 'sim:runtime',
        probeModule: 'sim:probe',
        inference: { host: '127.0.0.1', port: 8000 },
        intervals: { metricsMs: 10_000, summaryMs: 60_000, telemetryFlushMs: 10_000 },
      });
      await device.agent.start();
      return device.agent;
    },
    /** Publishes a version and says how it will behave. */
    publish: (bundle: Bundle, number: number, behaviour: Partial<Behaviour> = {}): ModelVersionRef => {
      bundles.set(bundle.digest, bundle);
      behaviours.set(bundle.digest, { ...wellBehaved, ...behaviour });
      return { model: 'vibration', version: bundle.manifest.version, number, bundle: bundle.digest };
    },
    /** Sets the desired state and tells the device. */
    want: (generation: number, models: ModelVersionRef[], kind: Desired['setBy']['kind'] = 'rollout') => {
      const id = createHash('sha256').update(canonicalJson(models)).digest('hex');
      const now = world.clock.now();
      controller.desired = {
        generation,
        release: { id, models },
        soak,
        setBy: { kind, id: 'r1' },
        setAt: now,
        now,
      };
      send('desired', controller.desired);
    },
    status: () => {
      const status = device.agent?.status();
      if (!status) throw new Error('the agent does not run');
      return status;
    },
    state: () => device.agent?.status()?.reported.state,
    servingVersions: () => device.agent?.status()?.reported.serving.map((model) => model.version) ?? [],
    /** Runs until the machine has ended its work on `generation`. */
    untilSettled: (generation: number, limitMs = 48 * 3_600_000) =>
      world.runUntil(() => {
        const reported = device.agent?.status()?.reported;
        return (
          reported?.generation === generation &&
          ['committed', 'reverted', 'rejected'].includes(reported.state)
        );
      }, limitMs),
  };
}

const silentLog: Log = { write: () => {}, component: () => silentLog };

function runtimeProgram(
  behaviourOf: (ref: ModelVersionRef) => Behaviour,
  served: ServingPlan[],
  traffic: { requestsPerSecond: number },
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
        };
      });
      self.send({ type: 'mirror', plan: current.plan.plan, evidence });
    });
    return {
      onMessage: (message) => {
        const order = message as AgentToRuntime;
        if (order.type === 'start') self.send({ type: 'ready', url: 'http://127.0.0.1:8000', port: 8000 });
        else if (order.type === 'apply')
          self.world.clock.setTimer(50, () => self.isAlive() && apply(order.plan));
        else self.exit({ code: 0, signal: null });
      },
    };
  };
}

function probeProgram(behaviourOf: (ref: ModelVersionRef) => Behaviour): Program {
  return (self) => ({
    onMessage: (message) => {
      const { candidates } = message as ProbeJob;
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
          };
          const figures = { maxError: 0, latencyMs: 1, memoryBytes: 1e6 };
          return kind === 'good'
            ? { ...measured, ...figures, ok: true, chosen: true }
            : { ...measured, ...figures, ok: false, chosen: false, reason };
        }),
      );
      self.world.clock.setTimer(100, () => {
        self.send({ type: 'verdict', results });
        self.exit({ code: 0, signal: null });
      });
    },
  });
}
