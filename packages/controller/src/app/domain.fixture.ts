import { type BundleSource, buildBundle, encodeReference } from '@covey/bundle';
import { GraphBuilder, modelSchema, writeModel } from '@covey/onnx';
import type { Clock, Disk, Log } from '@covey/ports';
import { SimulatedDisk, type SimulatedWorld, simulatedWorld } from '@covey/ports/simulated';
import type { Desired, DownKind, ModelSchema, Reported, Summary, UpKind } from '@covey/protocol';
import type { Bus, MessageHandler } from '../bus/index.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { createTrust } from '../trust/index.ts';
import { online, publishFirst, requestFor } from '../trust.fixture.ts';
import { createDomain, type Domain } from './domain.ts';

/** A log that keeps its lines. */
export function memoryLog(lines: string[]): Log {
  return {
    write: (level, message, fields) => {
      lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
    },
    component: () => memoryLog(lines),
  };
}

/** Bus and devices in one: keeps the newest message of each kind per device. */
class FakeFleet implements Bus {
  readonly #sequence = new Map<string, number>();
  readonly #received = new Map<string, string>();
  handler: MessageHandler = async () => {};

  start = async () => ({ port: 0 });
  stop = async () => {};
  isConnected = () => false;
  disconnect = () => {};
  onMessage(handler: MessageHandler): void {
    this.handler = handler;
  }
  async publish(device: string, kind: DownKind, payload: Uint8Array): Promise<void> {
    this.#received.set(`${device} ${kind}`, new TextDecoder().decode(payload));
  }

  received<T>(device: string, kind: DownKind): T | undefined {
    const text = this.#received.get(`${device} ${kind}`);
    return text === undefined ? undefined : (JSON.parse(text) as T);
  }
  nextSeq(device: string): number {
    const seq = (this.#sequence.get(device) ?? 0) + 1;
    this.#sequence.set(device, seq);
    return seq;
  }
  send(device: string, kind: UpKind, document: unknown): Promise<void> {
    const bytes =
      document instanceof Uint8Array ? document : new TextEncoder().encode(JSON.stringify(document));
    return this.handler(device, kind, bytes);
  }
  /** As a device does on every connection: says who it is and asks what is wanted. */
  async connect(device: string): Promise<void> {
    const deviceClass = { os: 'linux', arch: 'x64', cpu: 'c', cores: 2, memoryBytes: 1, providers: ['cpu'] };
    const about = { bootId: 'boot', at: 1, nextSeq: 1, agentVersion: '0.1.0', deviceClass, tags: {} };
    await this.send(device, 'birth', about);
    const generation = this.received<Desired>(device, 'desired')?.generation ?? 0;
    await this.send(device, 'get', { generation, bootId: 'boot' });
  }
  /** What the device was last told, as the release it then serves. */
  report(device: string, state: Reported['state'], change: Partial<Reported> = {}): Promise<void> {
    const desired = this.received<Desired>(device, 'desired');
    const reported: Reported = {
      generation: desired?.generation ?? 0,
      state,
      probe: [],
      serving: (desired?.release.models ?? []).map((ref) => ({ ...ref, variant: 'fp32', provider: 'cpu' })),
      releaseId: null,
      runtimeDeaths: 0,
      ...change,
    };
    const message = { seq: this.nextSeq(device), bootId: 'boot', at: 1, reported };
    return this.send(device, 'reported', message);
  }
}

export interface TestBundleOptions {
  /** In place of `bearing`. */
  model?: string;
  bias?: number;
  reference?: Summary;
  /** In place of the schema that the model has. */
  schema?: ModelSchema;
  /** In place of the model. */
  bytes?: Uint8Array;
  /** What it asks of devices and releases. */
  needs?: Pick<BundleSource, 'requirements' | 'depends'>;
}

/** A bundle of a model that adds `bias` to four floats. */
export function testBundle(version: string, options: TestBundleOptions = {}) {
  const graph = new GraphBuilder('add');
  graph.input({ name: 'x', datatype: 'FP32', shape: [-1, 4] });
  const bias = new Uint8Array(new Float32Array(4).fill(options.bias ?? 1).buffer);
  graph.initializer('bias', { datatype: 'FP32', shape: [4], data: bias });
  graph.node('Add', ['x', 'bias'], 'y');
  graph.output({ name: 'y', datatype: 'FP32', shape: [-1, 4] });
  const model = graph.build();
  return buildBundle({
    model: options.model ?? 'bearing',
    version,
    createdAt: '2026-01-01T00:00:00.000Z',
    securityCounter: 0,
    schema: options.schema ?? modelSchema(model),
    variants: [
      {
        name: 'fp32',
        bytes: options.bytes ?? writeModel(model),
        tolerances: [{ kind: 'elements', absolute: 1e-5, relative: 1e-5 }],
      },
    ],
    ...(options.reference && { reference: encodeReference(options.reference) }),
    ...options.needs,
  });
}

export interface DomainFixture {
  world: SimulatedWorld;
  disk: Disk;
  storage: Storage;
  fleet: FakeFleet;
  domain: Domain;
  log: string[];
  /** Ends the domain as a crash would, without a word to it, and starts another on the same storage. */
  restart(): Promise<void>;
  publish(version: string, options?: TestBundleOptions): Promise<void>;
  close(): Promise<void>;
}

/** A domain on virtual time with an in-memory database and the devices named, each born. */
export async function domainFixture(devices: readonly string[]): Promise<DomainFixture> {
  const world = simulatedWorld(1);
  const disk = new SimulatedDisk(world.random('disk'), 1e9).port(async (operation) => operation());
  const storage = await openStorage({ file: ':memory:', blobFolder: '/blobs', disk });
  const log: string[] = [];
  const fleet = new FakeFleet();
  const newDomain = (life: { isOver: boolean }) =>
    createDomain({
      ports: {
        clock: mortalClock(world.clock, life),
        random: world.random(`domain ${log.length}`),
        log: memoryLog(log),
      },
      storage,
      bus: fleet,
      trust: createTrust({ storage, clock: world.clock, signer: online }),
    });
  let life = { isOver: false };
  for (const id of devices) await insertDevice(storage, id, { site: id.startsWith('lab') ? 'lab' : 'plant' });
  const fixture: DomainFixture = {
    world,
    disk,
    storage,
    fleet,
    log,
    domain: newDomain(life),
    restart: async () => {
      life.isOver = true;
      life = { isOver: false };
      log.push('restarted');
      fixture.domain = newDomain(life);
      await fixture.domain.start();
      for (const id of devices) await fleet.connect(id);
    },
    publish: async (version, options) => {
      const bundle = testBundle(version, options);
      for (const [sha256, bytes] of bundle.chunks) await fixture.domain.registry.putChunk(sha256, bytes);
      const { registry, trust } = fixture.domain;
      await registry.publish(
        bundle.manifest.model,
        await requestFor(trust, bundle, world.clock.now()),
        'admin',
      );
    },
    close: async () => {
      await fixture.domain.stop();
      await storage.close();
    },
  };
  await publishFirst(fixture.domain.trust, world.clock.now());
  await fixture.domain.start();
  for (const id of devices) await fleet.connect(id);
  await world.settle();
  return fixture;
}

/** A clock whose timers end with the process that set them. */
function mortalClock(clock: Clock, life: { isOver: boolean }): Clock {
  return {
    ...clock,
    setTimer: (delayMs, callback) =>
      clock.setTimer(delayMs, () => {
        if (!life.isOver) callback();
      }),
  };
}

async function insertDevice(storage: Storage, id: string, tags: Record<string, string>): Promise<void> {
  await storage.db
    .insertInto('devices')
    .values({ id, tags: JSON.stringify(tags), enrolled_at: 1 })
    .execute();
}
