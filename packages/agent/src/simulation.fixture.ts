import { createHash } from 'node:crypto';
import { type Bundle, buildBundle, createPublisherKey, trustRootOf } from '@covey/bundle';
import type { FetchAnswer, Log } from '@covey/ports';
import {
  type SimulatedMachine,
  simulatedBroker,
  simulatedFetch,
  simulatedMachine,
  simulatedProcesses,
  simulatedWorld,
} from '@covey/ports/simulated';
import {
  canonicalJson,
  type Desired,
  type ModelVersionRef,
  type ProbeJob,
  type Reported,
  type ServingPlan,
  type SoakPolicy,
  topicOf,
} from '@covey/protocol';
import { type Agent, type AgentStatus, createAgent } from './agent.ts';
import { ControllerStub } from './controller.fixture.ts';
import { initDeviceFolder } from './folder/index.ts';
import { storeIdentity } from './identity/index.ts';
import { type Behaviour, probeProgram, runtimeProgram, wellBehaved } from './programs.fixture.ts';

const deviceId = 'device-1';
const folder = '/data/covey';
const publisher = createPublisherKey();
const stranger = createPublisherKey();

const soak: SoakPolicy = {
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
      variants: [{ name: 'fp32', bytes, tolerances: [{ kind: 'elements', absolute: 0, relative: 0 }] }],
    },
    (options.signedByStranger ? stranger : publisher).privateKeyPem,
  );
}

export type Simulation = ReturnType<typeof simulate>;

/** One device with the real agent, and everything around it simulated. */
export function simulate(seed: number | string, diskBytes = 512 * 1024 * 1024) {
  const world = simulatedWorld(seed);
  const controller = new ControllerStub();
  const bundles = new Map<string, Bundle>();
  const behaviours = new Map<string, Behaviour>();
  const behaviourOf = (ref: ModelVersionRef) => behaviours.get(ref.bundle) ?? wellBehaved;
  const seen = { served: [] as ServingPlan[], probed: [] as ProbeJob[] };
  const traffic = { requestsPerSecond: 10 };
  const broker = simulatedBroker(world, {
    onMessage: async (_client, topic, payload) => {
      const answer = await controller.receive(topic.split('/').at(-1) ?? '', payload);
      if (answer) send(answer, answer === 'desired' ? controller.desired : controller.receipt());
    },
  });
  const send = (kind: 'desired' | 'receipt', document: unknown) =>
    broker.send(deviceId, topicOf(deviceId, kind), Buffer.from(JSON.stringify(document)));
  const http = simulatedFetch(world, ({ url }) => answerFrom(bundles, url));
  const programs = {
    'sim:runtime': runtimeProgram(behaviourOf, seen.served, traffic),
    'sim:probe': probeProgram(behaviourOf, seen.probed),
  };
  const processes = simulatedProcesses(world, programs);
  const plugs = { link: broker.link, fetch: http.fetch, processes, log: silentLog };
  const machine = simulatedMachine(world, { name: deviceId, diskBytes, ...plugs });
  const device = { agent: undefined as Agent | undefined };
  return {
    world,
    controller,
    broker,
    http,
    machine,
    /** Plans that the runtime has applied (served), and jobs that probes were given (probed), in order. */
    ...seen,
    /** Live requests that the runtime sees. */
    traffic,
    enrol: () => enrolDevice(machine),
    boot: async () => {
      device.agent = await bootDevice(machine);
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
      controller.desired = desiredState(generation, models, kind, world.clock.now());
      send('desired', controller.desired);
    },
    status: () => statusOf(device.agent),
    state: () => device.agent?.status()?.reported.state,
    servingVersions: () => device.agent?.status()?.reported.serving.map((model) => model.version) ?? [],
    /** Runs until the machine has ended its work on `generation`. */
    untilSettled: (generation: number, limitMs = 48 * 3_600_000) =>
      world.runUntil(() => isSettledOn(device.agent?.status()?.reported, generation), limitMs),
  };
}

function statusOf(agent: Agent | undefined): AgentStatus {
  const status = agent?.status();
  if (!status) throw new Error('the agent does not run');
  return status;
}

function isSettledOn(reported: Reported | undefined, generation: number): boolean {
  const ends = ['committed', 'reverted', 'rejected'];
  return reported?.generation === generation && ends.includes(reported.state);
}

function answerFrom(bundles: Map<string, Bundle>, url: string): FetchAnswer {
  const [, what, digest = ''] = new URL(url).pathname.split('/');
  const body =
    what === 'bundles'
      ? bundles.get(digest)?.envelope
      : [...bundles.values()].map((bundle) => bundle.chunks.get(digest)).find(Boolean);
  return body ? { status: 200, headers: {}, body } : { status: 404, headers: {}, body: new Uint8Array(0) };
}

function desiredState(
  generation: number,
  models: ModelVersionRef[],
  kind: Desired['setBy']['kind'],
  now: number,
): Desired {
  const id = createHash('sha256').update(canonicalJson(models)).digest('hex');
  return { generation, release: { id, models }, soak, setBy: { kind, id: 'r1' }, setAt: now, now };
}

async function enrolDevice(machine: SimulatedMachine): Promise<void> {
  const { disk } = machine.boot();
  await storeIdentity(disk, await initDeviceFolder(disk, folder), {
    deviceId,
    mqttUrl: 'mqtts://controller:8883',
    deviceUrl: 'https://controller:8443',
    tags: {},
    keyPem: 'key',
    certificatePem: 'certificate',
    caPem: 'ca',
    trustRootBytes: trustRootOf([publisher.publicKeyPem]),
  });
}

async function bootDevice(machine: SimulatedMachine): Promise<Agent> {
  const agent = createAgent(machine.boot(), {
    folder,
    agentVersion: '0.1.0',
    runtimeModule: 'sim:runtime',
    probeModule: 'sim:probe',
    inference: { host: '127.0.0.1', port: 8000 },
    warmSpare: false,
    intervals: { metricsMs: 10_000, summaryMs: 60_000, telemetryFlushMs: 10_000 },
  });
  await agent.start();
  return agent;
}

const silentLog: Log = { write: () => {}, component: () => silentLog };
