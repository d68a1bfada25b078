import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Log, systemClock, systemDisk, systemRandom } from '@covey/ports';
import type { UpKind } from '@covey/protocol';
import { PemConverter, Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { vi } from 'vitest';
import { type Identity, openIdentity } from '../identity/index.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { trustFixture } from '../trust.fixture.ts';
import type { MessageHandler } from './bus.ts';
import { type Bus, type EmbeddedBusOptions, embeddedBus, type Refusal } from './index.ts';

/** For tests: the bus on a real port, enrolled devices, and real clients that connect as them. */
export interface BusBench {
  bus: Bus;
  port: number;
  storage: Storage;
  identity: Identity;
  refusals: Refusal[];
  received: [device: string, kind: UpKind, text: string][];
  /** What the bus calls with messages; notes them in `received` after each restart. */
  handle: MessageHandler;
  restart(limits?: EmbeddedBusOptions['limits']): Promise<void>;
  stop(): Promise<void>;
  remove(): Promise<void>;
  /** Enrols the device, or again with a new key. */
  enrol(device: string): Promise<void>;
  tlsOf(device: string): DeviceTls;
  connected(device: string, options?: IClientOptions): Promise<MqttClient>;
  /** The CONNACK code that a connection is refused with. */
  refusedWith(device: string, options: IClientOptions): Promise<number | undefined>;
  reasons(): string[];
}

interface DeviceTls {
  ca: string;
  cert: string;
  key: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export const silent: Log = { write: () => {}, component: () => silent };
export const death = JSON.stringify({ bootId: 'boot-1' });
export const closed = (client: MqttClient) => vi.waitUntil(() => !client.connected);

export async function openBusBench(): Promise<BusBench> {
  const { folder, storage, identity } = await openEnrolment();
  const devices = new Map<string, DeviceTls>();
  const clients: MqttClient[] = [];
  const bench: BusBench = {
    bus: startBus(() => bench, {}),
    port: 0,
    storage,
    identity,
    refusals: [],
    received: [],
    handle: async () => {},
    restart: async (limits = {}) => {
      await bench.stop();
      bench.refusals = [];
      bench.received = [];
      bench.handle = async (device, kind, payload) => {
        bench.received.push([device, kind, new TextDecoder().decode(payload)]);
      };
      bench.bus = startBus(() => bench, limits);
      bench.port = (await bench.bus.start()).port;
    },
    stop: async () => {
      for (const client of clients.splice(0)) client.end(true);
      await bench.bus.stop();
    },
    remove: async () => {
      await storage.close();
      await rm(folder, { recursive: true });
    },
    enrol: async (device) => void devices.set(device, await enrolDevice(identity, device)),
    tlsOf: (device) => devices.get(device) ?? { ca: '', cert: '', key: '' },
    connected: async (device, options = {}) => {
      const url = `mqtts://localhost:${bench.port}`;
      const client = await connectAsync(
        url,
        { ...clientOptions(device), ...bench.tlsOf(device), ...options },
        false,
      );
      client.on('error', () => {});
      clients.push(client);
      return client;
    },
    refusedWith: (device, options) =>
      bench.connected(device, options).then(
        () => undefined,
        (error: { code?: number }) => error.code,
      ),
    reasons: () => bench.refusals.map(({ device, reason }) => `${device} ${reason}`),
  };
  for (const device of ['edge-1', 'edge-2', 'edge-3']) await bench.enrol(device);
  return bench;
}

async function openEnrolment() {
  const folder = await mkdtemp(join(tmpdir(), 'covey-bus-'));
  const storage = await openStorage({
    file: ':memory:',
    blobFolder: join(folder, 'blobs'),
    disk: systemDisk,
  });
  const ports = { clock: systemClock, random: systemRandom, disk: systemDisk };
  const trust = await trustFixture(storage, systemClock);
  const identity = await openIdentity({ folder, names: [], storage, trust, ...ports });
  return { folder, storage, identity };
}

function startBus(bench: () => BusBench, limits: NonNullable<EmbeddedBusOptions['limits']>): Bus {
  const bus = embeddedBus({
    host: '127.0.0.1',
    port: 0,
    get tls() {
      return bench().identity.server;
    },
    get identity() {
      return bench().identity;
    },
    onRefusal: (refusal) => void bench().refusals.push(refusal),
    log: silent,
    limits,
  });
  bus.onMessage((device, kind, payload) => bench().handle(device, kind, payload));
  return bus;
}

function clientOptions(clientId: string): IClientOptions {
  return { clientId, protocolVersion: 4, clean: true, reconnectPeriod: 0, connectTimeout: 5_000 };
}

async function enrolDevice(identity: Identity, deviceId: string): Promise<DeviceTls> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const csr = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: algorithm });
  const created = { url: 'https://x:1', tags: {}, maxUses: 1, validMs: 1e6, createdBy: 'admin' };
  const { token } = await identity.createToken(created);
  const told = JSON.parse(Buffer.from(token.slice('covey1.'.length), 'base64url').toString());
  const { secret, trustDigest } = told;
  const request = { secret, deviceId, csrPem: csr.toString('pem'), tags: {}, trustDigest };
  const answer = await identity.enrol(request, { mqttUrl: 'mqtts://x:1', deviceUrl: 'https://x:1' });
  const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { ca: answer.caPem, cert: answer.certificatePem, key };
}
