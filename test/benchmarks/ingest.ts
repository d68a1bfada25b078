import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createKeyPair, pemSigner } from '@covey/bundle/tuf';
import { type Bus, createDomain, createTrust, type MessageHandler, openStorage } from '@covey/controller';
import { systemClock, systemDisk, systemRandom } from '@covey/ports';
import { encodeTelemetry } from '@covey/protocol/telemetry';
import { silentLog } from '../simulator/silent-log.ts';
import type { Result } from './figures.ts';
import { telemetryMessages } from './messages.ts';
import { ratioOf, spreadOf } from './statistics.ts';

const deviceCount = 64;
const messagesPerDevice = 8;
const rounds = 12;
const warmRounds = 3;
const devices = Array.from({ length: deviceCount }, (_, index) => `edge-${index + 1}`);

/**
 * Metrics from many devices at once into a database file: decoded, checked, counted once, rolled up, committed and synced.
 * Compared with the least that could be done: the frames as rows of one table, in as many transactions as there are waves.
 */
export async function benchmarkIngest(): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'covey-bench-'));
  try {
    const rates = await race(folder);
    return {
      benchmark: 'ingest',
      figures: [
        { name: 'bare node:sqlite rows', value: spreadOf(rates.bare), unit: 'messages/s' },
        {
          name: `metrics of ${deviceCount} devices`,
          value: spreadOf(rates.controller),
          unit: 'messages/s',
          baseline: { name: 'bare rows', ratio: ratioOf(rates.controller, rates.bare) },
        },
      ],
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Messages per second, one value a round; the two take turns. */
async function race(folder: string): Promise<{ controller: number[]; bare: number[] }> {
  const rates = { controller: [] as number[], bare: [] as number[] };
  const controller = await startController(folder);
  const bare = openBare(join(folder, 'bare.db'));
  for (let round = 0; round < warmRounds + rounds; round++) {
    const frames = await framesOf(round);
    const controllerRate = await rateOf(() => controller.take(frames));
    const bareRate = await rateOf(async () => bare.take(frames));
    if (round < warmRounds) continue;
    rates.controller.push(controllerRate);
    rates.bare.push(bareRate);
  }
  await controller.stop();
  bare.database.close();
  return rates;
}

async function rateOf(takeAll: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await takeAll();
  return (deviceCount * messagesPerDevice * 1_000) / (performance.now() - startedMs);
}

/** The frames that every device sends in a round, with the numbers that follow those of the round before. */
function framesOf(round: number): Promise<Uint8Array[]> {
  const { metrics } = telemetryMessages();
  const first = round * messagesPerDevice + 1;
  return Promise.all(
    Array.from({ length: messagesPerDevice }, (_, index) =>
      encodeTelemetry({ ...metrics, seq: BigInt(first + index) }),
    ),
  );
}

async function startController(folder: string) {
  const storage = await openStorage({
    file: join(folder, 'covey.db'),
    blobFolder: join(folder, 'blobs'),
    disk: systemDisk,
  });
  const identity = { tags: '{}', enrolled_at: 1 };
  for (const id of devices) {
    const row = { id, ...identity };
    await storage.db.insertInto('devices').values(row).execute();
  }
  const { bus, handler } = busWithoutNetwork();
  const ports = { clock: systemClock, random: systemRandom, log: silentLog };
  const signer = pemSigner(createKeyPair('ed25519').privateKeyPem);
  const trust = createTrust({ storage, clock: systemClock, signer });
  const domain = createDomain({ ports, storage, bus, trust });
  await domain.start();
  return {
    // A device's messages are taken in order, one at a time; devices are independent.
    take: async (frames: Uint8Array[]) => {
      await Promise.all(
        devices.map(async (device) => {
          for (const frame of frames) await handler()(device, 'metrics', frame);
        }),
      );
    },
    stop: async () => {
      const { accepted } = await countStored(storage);
      await domain.stop();
      await storage.close();
      const expected = deviceCount * messagesPerDevice * (warmRounds + rounds);
      if (accepted !== expected) throw new Error(`${accepted} messages were stored, ${expected} were sent`);
    },
  };
}

/** By what the devices would be told: everything up to a number has arrived. */
async function countStored(storage: Awaited<ReturnType<typeof openStorage>>): Promise<{ accepted: number }> {
  const rows = await storage.db.selectFrom('sequences').selectAll().execute();
  return { accepted: rows.reduce((total, { up_to }) => total + Number(up_to), 0) };
}

function busWithoutNetwork(): { bus: Bus; handler: () => MessageHandler } {
  let taken: MessageHandler = () => Promise.reject(new Error('nobody takes messages yet'));
  const bus: Bus = {
    start: async () => ({ port: 0 }),
    stop: async () => {},
    onMessage: (handler) => {
      taken = handler;
    },
    publish: async () => {},
    isConnected: () => false,
    disconnect: () => {},
  };
  return { bus, handler: () => taken };
}

/** The same database settings as the controller's. */
function openBare(file: string) {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec('CREATE TABLE frames (id INTEGER PRIMARY KEY, device TEXT NOT NULL, frame BLOB NOT NULL)');
  const insert = database.prepare('INSERT INTO frames (device, frame) VALUES (?, ?)');
  return {
    database,
    take: (frames: Uint8Array[]) => {
      for (const frame of frames) {
        database.exec('BEGIN');
        for (const device of devices) insert.run(device, frame);
        database.exec('COMMIT');
      }
    },
  };
}
