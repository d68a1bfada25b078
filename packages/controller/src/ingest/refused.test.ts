import type { UpKind } from '@covey/protocol';
import { encodeTelemetry } from '@covey/protocol/telemetry';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { queryAudit } from '../audit/index.ts';
import { device, event, type IngestBench, json, openIngestBench, reported } from './ingest.fixture.ts';

let bench: IngestBench;
beforeEach(async () => {
  bench = await openIngestBench();
});
afterEach(() => bench.remove());

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
    await bench.ingest.receive(device, kind, await payload());
    expect(bench.ingest.counts()).toEqual({ accepted: 0, duplicate: 0, refused: 1, failed: 0, lost: 0 });
    expect(await bench.sequences()).toBeUndefined();
    await bench.refusals.settle();
    const { entries } = await queryAudit(bench.storage.db, { limit: 10 });
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
    await bench.ingest.receive(device, kind, await frame(1, body));
    expect(bench.ingest.counts()).toMatchObject({ accepted: 0, refused: 1 });
    expect(await bench.sequences()).toMatchObject({ up_to: 1, missing: [] });
    expect(await bench.effects()).toEqual([]);
    expect(bench.wantReceipt).toHaveBeenCalledExactlyOnceWith(device);
  });

  test('a message that cannot be stored is left to be sent again and disturbs no other in its transaction', async () => {
    const messages = await Promise.all([event(1), event(2, { kind: 'unlucky' }), event(3)]);
    const others = await Promise.all([event(1, { message: 'other' }), event(2, { message: 'other' })]);
    await Promise.all([
      ...messages.map((payload) => bench.ingest.receive(device, 'event', payload)),
      ...others.map((payload) => bench.ingest.receive('edge-2', 'event', payload)),
    ]);
    expect(await bench.sequences()).toMatchObject({ up_to: 3, missing: [2] });
    expect(await bench.sequences('edge-2')).toMatchObject({ up_to: 2, missing: [] });
    expect(bench.ingest.counts()).toMatchObject({ accepted: 4, failed: 1 });
    expect(await bench.effects()).toHaveLength(4);
    await bench.ingest.receive(device, 'event', await event(2));
    expect(await bench.sequences()).toMatchObject({ up_to: 3, missing: [] });
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
        bench.ingest.receive(device, kind, bytes),
      ),
      { numRuns: 300 },
    );
    expect(bench.ingest.counts()).toMatchObject({ accepted: 0, failed: 0 });
    await bench.ingest.receive(device, 'reported', reported(1));
    expect(bench.calls).toEqual(['reported 1']);
  });

  test('a hook that fails after the commit repeats nothing', async () => {
    bench.onCommitted.mockImplementationOnce(() => {
      throw new Error('on purpose');
    });
    await bench.ingest.receive(device, 'event', await event(1));
    await bench.ingest.receive(device, 'event', await event(2));
    expect(bench.ingest.counts()).toMatchObject({ accepted: 2, duplicate: 0, failed: 0 });
  });
});
