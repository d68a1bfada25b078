import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Log, systemClock, systemDisk } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import { encodeTelemetry } from '@covey/protocol/telemetry';
import { type Mock, vi } from 'vitest';
import { createRefusalAudit, type RefusalAudit } from '../audit/index.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { createIngest, type Ingest, type IngestHandlers, type IngestOptions } from './index.ts';

/** For tests: ingest on a real database. Handlers note their calls; events become rows, which count only when committed. */
export interface IngestBench {
  storage: Storage;
  refusals: RefusalAudit;
  ingest: Ingest;
  calls: string[];
  wantReceipt: Mock<(device: string) => void>;
  wantDesired: Mock<(device: string) => void>;
  onCommitted: Mock<IngestOptions['onCommitted']>;
  /** A new ingest on the same database. */
  restart(): void;
  sequences(of?: string): Promise<{ up_to: number; missing: number[]; rebirth: number } | undefined>;
  /** Messages of the events that had their effect. */
  effects(): Promise<string[]>;
  remove(): Promise<void>;
}

export const device = 'edge-1';
const silent: Log = { write: () => {}, component: () => silent };

export const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

interface EventFields {
  kind?: string;
  message?: string;
  dropped?: { from: bigint; to: bigint; kind: string; count: number };
}
export const event = (seq: number, fields: EventFields = {}, bootId = 'boot-1') =>
  encodeTelemetry({
    seq: BigInt(seq),
    bootId,
    atMs: 1_000,
    body: { case: 'event', value: { kind: 'note', message: `number ${seq}`, ...fields } },
  });

const deviceClass = { os: 'linux', arch: 'x64', cpu: 'c', cores: 2, memoryBytes: 1, providers: ['cpu'] };
export const birth = (bootId: string, nextSeq: number) =>
  json({ bootId, nextSeq, at: 1, agentVersion: '0.1.0', deviceClass, tags: {} });

const idle = { generation: 1, state: 'idle', probe: [], serving: [], releaseId: null, runtimeDeaths: 0 };
export const reported = (seq: number) => json({ seq, bootId: 'boot-1', at: 1, reported: idle });

export async function openIngestBench(): Promise<IngestBench> {
  const folder = await mkdtemp(join(tmpdir(), 'covey-ingest-'));
  const storage = await openStorage({ file: ':memory:', blobFolder: folder, disk: systemDisk });
  const identity = { tags: '{}', enrolled_at: 1 };
  for (const id of [device, 'edge-2'])
    await storage.db
      .insertInto('devices')
      .values({ id, ...identity })
      .execute();
  const refusals = createRefusalAudit({ storage, clock: systemClock, log: silent });
  const calls: string[] = [];
  const outbox = {
    wantReceipt: vi.fn<(device: string) => void>(),
    wantDesired: vi.fn<(device: string) => void>(),
  };
  const onCommitted = vi.fn<IngestOptions['onCommitted']>();
  const handlers = notingHandlers(calls);
  const start = () => createIngest({ storage, outbox, refusals, log: silent, handlers, onCommitted });
  const bench: IngestBench = {
    storage,
    refusals,
    ingest: start(),
    calls,
    ...outbox,
    onCommitted,
    restart: () => {
      bench.ingest = start();
    },
    sequences: async (of = device) => {
      const rows = storage.db.selectFrom('sequences').selectAll().where('device', '=', of);
      const row = await rows.executeTakeFirst();
      return row && { ...row, missing: JSON.parse(row.missing) };
    },
    effects: async () =>
      (await storage.db.selectFrom('events').select('message').execute()).map(({ message }) => message),
    remove: async () => {
      await refusals.settle();
      await storage.close();
      await rm(folder, { recursive: true });
    },
  };
  return bench;
}

function notingHandlers(calls: string[]): IngestHandlers {
  return {
    birth: async (_tx, _device, { bootId }) => void calls.push(`birth ${bootId}`),
    death: async (_tx, _device, { bootId }) => void calls.push(`death ${bootId}`),
    reported: async (_tx, _device, { seq }) => {
      calls.push(`reported ${seq}`);
      return false;
    },
    metrics: async () => void calls.push('metrics'),
    summary: async () => void calls.push('summary'),
    log: async () => void calls.push('log'),
    get: async (_tx, _device, generation) => void calls.push(`get ${generation}`),
    event: async (tx, from, { kind, message }, { seq, at }) => {
      const row = { device: from, at, kind, message, model: null, version: null };
      await tx.insertInto('events').values(row).execute();
      if (kind === 'hostile') throw new CoveyError('INVALID_DOCUMENT', 'not in this house');
      if (kind === 'unlucky') throw new Error(`cannot store ${seq}`);
    },
  };
}
