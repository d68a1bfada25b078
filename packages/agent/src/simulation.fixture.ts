import { createHash } from 'node:crypto';
import { type Bundle, buildBundle } from '@covey/bundle';
import type { FetchAnswer, Log } from '@covey/ports';
import {
  type SimulatedMachine,
  type SimulatedWorld,
  simulatedBroker,
  simulatedFetch,
  simulatedMachine,
  simulatedProcesses,
  simulatedWorld,
} from '@covey/ports/simulated';
import {
  canonicalJson,
  type DeliveryPolicy,
  type Desired,
  type ModelVersionRef,
  openDelivery,
  type ProbeJob,
  type Reported,
  type ServingPlan,
  type SoakPolicy,
  type Tags,
  topicOf,
} from '@covey/protocol';
import { createAgent } from './agent.ts';
import { ControllerStub } from './controller.fixture.ts';
import { initDeviceFolder } from './folder/index.ts';
import { createIdentity } from './identity/index.ts';
import type { Agent, AgentOptions, AgentStatus } from './options.ts';
import { type Behaviour, probeProgram, runtimeProgram, wellBehaved } from './programs.fixture.ts';
import { TestRepository } from './repository.fixture.ts';

const deviceId = 'device-1';
const folder = '/data/covey';
const soak: SoakPolicy = {
  minSamples: 20,
  maxDurationMs: 60_000,
  minAgreement: 0.9,
  maxErrorRate: 0.05,
};

export function makeBundle(version: string, options: { securityCounter?: number } = {}) {
  const bytes = Buffer.alloc(200_000);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = (i * 31 + (i < 100_000 ? 0 : Number.parseInt(version, 10))) & 0xff;
  const tensor = { name: 'x', datatype: 'FP32' as const, shape: [1] };
  return buildBundle({
    model: 'vibration',
    version,
    createdAt: '2026-01-01T00:00:00Z',
    securityCounter: options.securityCounter ?? 0,
    schema: { inputs: [tensor], outputs: [{ ...tensor, name: 'y' }] },
    variants: [{ name: 'fp32', bytes, tolerances: [{ kind: 'elements', absolute: 0, relative: 0 }] }],
  });
}

export type Simulation = ReturnType<typeof simulate>;

/** One device with the real agent, and everything around it simulated. */
export function simulate(seed: number | string, diskBytes = 2 ** 29, options: Partial<AgentOptions> = {}) {
  const world = simulatedWorld(seed);
  const controller = new ControllerStub();
  const bundles = new Map<string, Bundle>();
  const behaviours = new Map<string, Behaviour>();
  const behaviourOf = (ref: ModelVersionRef) => behaviours.get(ref.bundle) ?? wellBehaved;
  const seen = { served: [] as ServingPlan[], probed: [] as ProbeJob[] };
  const traffic = { requestsPerSecond: 10, listensAfterMs: 0 };
  const { broker, send } = brokerOf(world, controller);
  const repository = new TestRepository(world.clock);
  const http = simulatedFetch(world, ({ url }) =>
    url.endsWith('/identity') ? standingAt(world.clock.now()) : answerFrom(bundles, repository, url),
  );
  const programs = {
    'sim:runtime': runtimeProgram(behaviourOf, seen.served, traffic),
    'sim:probe': probeProgram(behaviourOf, seen.probed),
  };
  const processes = simulatedProcesses(world, programs);
  const errors: { message: string; code: unknown }[] = [];
  const plugs = { link: broker.link, fetch: http.fetch, processes, log: errorLog(errors) };
  const machine = simulatedMachine(world, { name: deviceId, diskBytes, ...plugs });
  const device = { agent: undefined as Agent | undefined };
  return {
    world,
    controller,
    broker,
    http,
    repository,
    machine,
    /** Plans that the runtime has applied (served), and jobs that probes were given (probed), in order. */
    ...seen,
    /** Live requests that the runtime sees, and how long it takes to listen. */
    traffic,
    /** What the agent has logged as an error. */
    errors,
    enrol: async (tags: Tags = {}) => enrolDevice(machine, await repository.firstRoot(), tags),
    boot: async () => {
      device.agent = await bootDevice(machine, options);
      return device.agent;
    },
    publish: publishing(repository, bundles, behaviours),
    /** Sets the desired state and tells the device. */
    want: (
      generation: number,
      models: ModelVersionRef[],
      kind: Desired['setBy']['kind'] = 'rollout',
      delivery?: Partial<DeliveryPolicy>,
    ) => {
      const desired = desiredState(generation, models, kind, world.clock.now());
      controller.desired = { ...desired, ...(delivery && { delivery: { ...openDelivery, ...delivery } }) };
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

/** A broker behind which the controller answers. */
function brokerOf(world: SimulatedWorld, controller: ControllerStub) {
  const send = (kind: 'desired' | 'receipt', document: unknown) =>
    broker.send(deviceId, topicOf(deviceId, kind), Buffer.from(JSON.stringify(document)));
  const broker = simulatedBroker(world, {
    onConnect: () => {
      controller.connections++;
    },
    onMessage: async (_client, topic, payload) => {
      const answer = await controller.receive(topic.split('/').at(-1) ?? '', payload);
      if (answer) send(answer, answer === 'desired' ? controller.desired : controller.receipt());
    },
  });
  return { broker, send };
}

/** Publishes a version, signed unless told otherwise, and says how it will behave. */
function publishing(
  repository: TestRepository,
  bundles: Map<string, Bundle>,
  behaviours: Map<string, Behaviour>,
) {
  return async (
    bundle: Bundle,
    number: number,
    behaviour: Partial<Behaviour> & { isUnsigned?: boolean } = {},
  ): Promise<ModelVersionRef> => {
    const { isUnsigned = false, ...rest } = behaviour;
    if (!isUnsigned) await repository.list(bundle);
    bundles.set(bundle.digest, bundle);
    behaviours.set(bundle.digest, { ...wellBehaved, ...rest });
    return { model: 'vibration', version: bundle.manifest.version, number, bundle: bundle.digest };
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

/** The controller finds nothing wrong with the device. */
function standingAt(now: number): FetchAnswer {
  const standing = { deviceId, renewalDue: false, caPem: 'ca', online: true, now };
  return { status: 200, headers: {}, body: Buffer.from(JSON.stringify(standing)) };
}

function answerFrom(bundles: Map<string, Bundle>, repository: TestRepository, url: string): FetchAnswer {
  const [, what, name = ''] = new URL(url).pathname.split('/');
  const contents = {
    trust: () => repository.files.get(name),
    bundles: () => bundles.get(name)?.manifestBytes,
    chunks: () => [...bundles.values()].map((bundle) => bundle.chunks.get(name)).find(Boolean),
  };
  const body = contents[what as keyof typeof contents]?.();
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

async function enrolDevice(machine: SimulatedMachine, pinnedRoot: Uint8Array, tags: Tags): Promise<void> {
  const { disk } = machine.boot();
  const urls = { mqttUrl: 'mqtts://controller:8883', deviceUrl: 'https://controller:8443' };
  const identity = { deviceId, ...urls, tags, keyPem: 'key', certificatePem: 'certificate', caPem: 'ca' };
  await createIdentity(disk, await initDeviceFolder(disk, folder), identity, pinnedRoot);
}

async function bootDevice(machine: SimulatedMachine, options: Partial<AgentOptions>): Promise<Agent> {
  const agent = createAgent(machine.boot(), {
    folder,
    agentVersion: '0.1.0',
    runtimeModule: 'sim:runtime',
    probeModule: 'sim:probe',
    inference: { host: '127.0.0.1', port: 8000 },
    warmSpare: false,
    intervals: { metricsMs: 10_000, summaryMs: 60_000, telemetryFlushMs: 10_000 },
    ...options,
  });
  await agent.start();
  return agent;
}

function errorLog(errors: { message: string; code: unknown }[]): Log {
  const log: Log = {
    write: (level, message, fields) => {
      if (level === 'error') errors.push({ message, code: fields?.code });
    },
    component: () => log,
  };
  return log;
}

/** A device that serves 1.0.0. */
export async function withFirstVersion(seed: string): Promise<Simulation> {
  const device = simulate(seed);
  await device.enrol();
  device.want(1, [await device.publish(makeBundle('1.0.0'), 1)]);
  await device.boot();
  await device.untilSettled(1);
  return device;
}
