import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Log, systemClock, systemDisk } from '@covey/ports';
import { CoveyError, type UpKind } from '@covey/protocol';
import { encodeTelemetry } from '@covey/protocol/telemetry';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createRefusalAudit, queryAudit, type RefusalAudit } from '../audit/index.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { createIngest, type Ingest, type IngestHandlers } from './index.ts';

const device = 'edge-1';
const silent: Log = { write: () => {}, component: () => silent };
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const event = (seq: number, fields: { kind?: string; message?: string; dropped?: Dropped } = {}, bootId = 'boot-1') =>
  encodeTelemetry({
    seq: BigInt(seq),
    bootId,
    atMs: 1_000,
    body: { case: 'event', value: { kind: 'note', message: `number ${seq}`, ...fields } },
  });
const birth = (bootId: string, nextSeq: number) =>
  json({
    bootId,
    nextSeq,
    at: 1,
    agentVersion: '0.1.0',
    deviceClass: { os: 'linux', arch: 'x64', cpu: 'c', cores: 2, memoryBytes: 1, providers: ['cpu'] },
    tags: {},
  });
const reported = (seq: number) =>
  json({
    seq,
    bootId: 'boot-1',
    at: 1,
    reported: { generation: 1, state: 'idle', probe: [], serving: [], releaseId: null, runtimeDeaths: 0 },
  });

type Dropped = { from: bigint; to: bigint; kind: string; count: number };

let folder: string;
let storage: Storage;
let refusals: RefusalAudit;
let ingest: Ingest;
let calls: string[];
const wantReceipt = vi.fn();
const wantDesired = vi.fn();
const onCommitted = vi.fn();

/** Events become rows, so that an effect counts only when its transaction did. */
const handlers: IngestHandlers = {
  birth: async (_tx, _device, { bootId }) => void calls.push(`birth ${bootId}`),
  death: async (_tx, _device, { bootId }) => void calls.push(`death ${bootId}`),
  reported: async (_tx, _device, { seq }) => void calls.push(`reported ${seq}`),
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

beforeEach(async () => {
  vi.clearAllMocks();
  calls = [];
  folder = await mkdtemp(join(tmpdir(), 'covey-ingest-'));
  storage = await openStorage({ file: ':memory:', blobFolder: folder, disk: systemDisk });
  const identity = { tags: '{}', enrolled_at: 1, certificate_serial: '01', key_fingerprint: 'f' };
  await storage.db
    .insertInto('devices')
    .values([
      { id: device, ...identity },
      { id: 'edge-2', ...identity },
    ])
    .execute();
  refusals = createRefusalAudit({ storage, clock: systemClock, log: silent });
  ingest = start();
});
afterEach(async () => {
  await refusals.settle();
  await storage.close();
  await rm(folder, { recursive: true });
});

function start(): Ingest {
  const outbox = { wantReceipt, wantDesired };
  return createIngest({ storage, outbox, refusals, log: silent, handlers, onCommitted });
}

async function sequences(of = device) {
  const row = await storage.db
    .selectFrom('sequences')
    .selectAll()
    .where('device', '=', of)
    .executeTakeFirst();
  return row && { ...row, missing: JSON.parse(row.missing) as number[] };
}
const effects = async () =>
  (await storage.db.selectFrom('events').select('message').execute()).map(({ message }) => message);

describe('sequence and receipts', () => {
  test('any order, duplication and loss, then resends: all has arrived, each effect once', async () => {
    const scenario = fc.record({
      sent: fc.integer({ min: 1, max: 25 }),
      deliveries: fc.array(fc.nat({ max: 24 }), { maxLength: 60 }),
      together: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ sent, deliveries, together }) => {
        await storage.db.deleteFrom('events').execute();
        await storage.db.deleteFrom('sequences').execute();
        const deliver = async (seq: number) => ingest.receive(device, 'event', await event(seq));
        const first = deliveries.map((index) => (index % sent) + 1);
        if (together) await Promise.all(first.map(deliver));
        else for (const seq of first) await deliver(seq);
        const receipt = await sequences();
        const highest = Math.max(0, ...first);
        expect(receipt?.up_to ?? 0).toBe(highest);
        const absent = Array.from({ length: highest }, (_, i) => i + 1).filter((seq) => !first.includes(seq));
        expect(receipt?.missing ?? []).toEqual(absent);
        // What the receipt does not cover is sent again, and something it does cover too.
        for (let seq = 1; seq <= sent; seq++) await deliver(seq);
        expect(await sequences()).toMatchObject({ up_to: sent, missing: [] });
        const expected = Array.from({ length: sent }, (_, index) => `number ${index + 1}`);
        expect((await effects()).sort()).toEqual(expected.sort());
      }),
      { numRuns: 60 },
    );
  });

  test('devices do not mix', async () => {
    await Promise.all([
      ingest.receive(device, 'event', await event(1)),
      ingest.receive('edge-2', 'event', await event(3)),
    ]);
    expect(await sequences()).toMatchObject({ up_to: 1, missing: [] });
    expect(await sequences('edge-2')).toMatchObject({ up_to: 3, missing: [1, 2] });
    expect(onCommitted.mock.calls.flatMap(([devices]) => [...devices]).sort()).toEqual([device, 'edge-2']);
  });

  test('a restart forgets nothing: a duplicate stays one', async () => {
    await ingest.receive(device, 'event', await event(1));
    ingest = start();
    await ingest.receive(device, 'event', await event(1));
    expect(await effects()).toEqual(['number 1']);
    expect(wantReceipt).toHaveBeenCalledTimes(2);
    expect(ingest.counts()).toMatchObject({ accepted: 0, duplicate: 1 });
  });

  test('a huge gap costs little; what is given up is counted', async () => {
    await ingest.receive(device, 'event', await event(1));
    await ingest.receive(device, 'event', await event(2 ** 52));
    const row = await sequences();
    expect(row?.up_to).toBe(2 ** 52);
    expect(row?.missing).toHaveLength(1_000);
    expect(ingest.counts().lost).toBe(2 ** 52 - 2 - 1_000);
  });

  test('a whole stretch that the device dropped is waited for no longer; a stretch with gaps is', async () => {
    await ingest.receive(device, 'event', await event(1));
    await ingest.receive(device, 'event', await event(10));
    const record = (from: number, to: number, count: number) => ({
      dropped: { from: BigInt(from), to: BigInt(to), kind: 'metrics', count },
    });
    await ingest.receive(device, 'event', await event(11, record(2, 6, 5)));
    expect((await sequences())?.missing).toEqual([7, 8, 9]);
    await ingest.receive(device, 'event', await event(12, record(7, 9, 2)));
    expect((await sequences())?.missing).toEqual([7, 8, 9]);
    await ingest.receive(device, 'event', await event(30, record(13, 29, 17)));
    expect(await sequences()).toMatchObject({ up_to: 30, missing: [7, 8, 9] });
  });
});

describe('birth and death', () => {
  test('an unknown boot is asked for a birth until it comes', async () => {
    await ingest.receive(device, 'event', await event(1));
    expect(await sequences()).toMatchObject({ rebirth: 1 });
    await ingest.receive(device, 'birth', birth('boot-1', 2));
    expect(await sequences()).toMatchObject({ rebirth: 0, boot_id: 'boot-1', up_to: 1 });
    await ingest.receive(device, 'event', await event(2));
    expect(await sequences()).toMatchObject({ rebirth: 0 });
    await ingest.receive(device, 'event', await event(4));
    expect(await sequences()).toMatchObject({ rebirth: 1, missing: [3] });
    await ingest.receive(device, 'birth', birth('boot-1', 5));
    await ingest.receive(device, 'event', await event(5, {}, 'boot-2'));
    expect(await sequences()).toMatchObject({ rebirth: 1, boot_id: 'boot-1' });
  });

  test('a device that lost its outbox counts anew', async () => {
    await ingest.receive(device, 'event', await event(50));
    await ingest.receive(device, 'birth', birth('boot-2', 1));
    await ingest.receive(device, 'event', await event(1, {}, 'boot-2'));
    expect(await effects()).toEqual(['number 50', 'number 1']);
    expect(await sequences()).toMatchObject({ up_to: 1, missing: [] });
  });

  test('only the current boot can die', async () => {
    await ingest.receive(device, 'birth', birth('boot-1', 1));
    await ingest.receive(device, 'birth', birth('boot-2', 1));
    await ingest.receive(device, 'death', json({ bootId: 'boot-1' }));
    await ingest.receive(device, 'death', json({ bootId: 'boot-2' }));
    expect(calls).toEqual(['birth boot-1', 'birth boot-2', 'death boot-2']);
  });

  test('get is handed on and answered', async () => {
    await ingest.receive(device, 'get', json({ generation: 7, bootId: 'boot-1' }));
    expect(calls).toEqual(['get 7']);
    expect(wantDesired).toHaveBeenCalledExactlyOnceWith(device);
  });
});

describe('what is refused', () => {
  const frame = (seq: number, body: Parameters<typeof encodeTelemetry>[0]['body']) =>
    encodeTelemetry({ seq: BigInt(seq), bootId: 'boot-1', atMs: 1, ...(body && { body }) });

  test.each<[string, UpKind, () => Uint8Array | Promise<Uint8Array>]>([
    ['nothing', 'birth', () => new Uint8Array()],
    ['no JSON', 'reported', () => new TextEncoder().encode('{')],
    ['no number', 'reported', () => json({ seq: 0, bootId: 'b', at: 1, reported: {} })],
    ['a number beyond safe', 'reported', () => json({ seq: 2 ** 53, bootId: 'b', at: 1, reported: {} })],
    ['no frame', 'metrics', () => new Uint8Array(1_000)],
    ['number zero', 'event', () => event(0)],
    ['another boot id than a text', 'death', () => json({ bootId: 5 })],
    ['JSON too deep', 'get', () => new TextEncoder().encode('['.repeat(10_000))],
    ['a document too large', 'get', () => json({ generation: 1, bootId: 'x'.repeat(200_000) })],
  ])('%s: audited, counted, no effect, no sequence number', async (_what, kind, payload) => {
    await ingest.receive(device, kind, await payload());
    expect(ingest.counts()).toEqual({ accepted: 0, duplicate: 0, refused: 1, failed: 0, lost: 0 });
    expect(await sequences()).toBeUndefined();
    await refusals.settle();
    const { entries } = await queryAudit(storage.db, { limit: 10 });
    expect(entries).toMatchObject([
      { actor: `device:${device}`, action: 'message.refused', detail: { kind } },
    ]);
  });

  const model = { model: 'm', version: '1.0.0', variant: 'fp32' };
  test.each<[string, UpKind, Parameters<typeof encodeTelemetry>[0]['body']]>([
    ['another body than the topic says', 'metrics', { case: 'log', value: { level: 'info', message: '' } }],
    ['no body', 'metrics', undefined as never],
    ['a model that is no name', 'summary', { case: 'summary', value: { ...model, model: 'M m' } }],
    [
      'a window that ends before it begins',
      'summary',
      { case: 'summary', value: { ...model, fromMs: 2, toMs: 1 } },
    ],
    ['a window that is no number', 'metrics', { case: 'metrics', value: { fromMs: Number.NaN, toMs: 1 } }],
    [
      'too many buckets',
      'metrics',
      {
        case: 'metrics',
        value: {
          models: [
            {
              ...model,
              provider: 'cpu',
              latencyMs: { positive: { counts: Array.from({ length: 161 }, () => 1) } },
            },
          ],
        },
      },
    ],
    ['a text too long', 'event', { case: 'event', value: { kind: 'note', message: 'x'.repeat(2_001) } }],
    ['a handler that will not have it', 'event', { case: 'event', value: { kind: 'hostile', message: '' } }],
  ])('%s: its number counts as arrived, so that it is not sent for ever', async (_what, kind, body) => {
    await ingest.receive(device, kind, await frame(1, body));
    expect(ingest.counts()).toMatchObject({ accepted: 0, refused: 1 });
    expect(await sequences()).toMatchObject({ up_to: 1, missing: [] });
    expect(await effects()).toEqual([]);
    expect(wantReceipt).toHaveBeenCalledExactlyOnceWith(device);
  });

  test('a message that cannot be stored is left to be sent again and disturbs no other in its transaction', async () => {
    const messages = await Promise.all([event(1), event(2, { kind: 'unlucky' }), event(3)]);
    const others = await Promise.all([event(1, { message: 'other' }), event(2, { message: 'other' })]);
    await Promise.all([
      ...messages.map((payload) => ingest.receive(device, 'event', payload)),
      ...others.map((payload) => ingest.receive('edge-2', 'event', payload)),
    ]);
    expect(await sequences()).toMatchObject({ up_to: 3, missing: [2] });
    expect(await sequences('edge-2')).toMatchObject({ up_to: 2, missing: [] });
    expect(ingest.counts()).toMatchObject({ accepted: 4, failed: 1 });
    expect(await effects()).toHaveLength(4);
    await ingest.receive(device, 'event', await event(2));
    expect(await sequences()).toMatchObject({ up_to: 3, missing: [] });
  });

  test('arbitrary bytes on any topic never reject', async () => {
    const kinds = fc.constantFrom<UpKind>(
      'birth',
      'death',
      'reported',
      'metrics',
      'summary',
      'event',
      'log',
      'get',
    );
    await fc.assert(
      fc.asyncProperty(kinds, fc.uint8Array({ maxLength: 300 }), (kind, bytes) =>
        ingest.receive(device, kind, bytes),
      ),
      { numRuns: 300 },
    );
    expect(ingest.counts()).toMatchObject({ accepted: 0, failed: 0 });
    await ingest.receive(device, 'reported', reported(1));
    expect(calls).toEqual(['reported 1']);
  });

  test('a hook that fails after the commit repeats nothing', async () => {
    onCommitted.mockImplementationOnce(() => {
      throw new Error('on purpose');
    });
    await ingest.receive(device, 'event', await event(1));
    await ingest.receive(device, 'event', await event(2));
    expect(ingest.counts()).toMatchObject({ accepted: 2, duplicate: 0, failed: 0 });
  });
});
