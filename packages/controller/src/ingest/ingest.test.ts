import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { birth, device, event, type IngestBench, json, openIngestBench } from './ingest.fixture.ts';

let bench: IngestBench;
beforeEach(async () => {
  bench = await openIngestBench();
});
afterEach(() => bench.remove());

describe('sequence and receipts', () => {
  test('any order, duplication and loss, then resends: all has arrived, each effect once', async () => {
    const scenario = fc.record({
      sent: fc.integer({ min: 1, max: 25 }),
      deliveries: fc.array(fc.nat({ max: 24 }), { maxLength: 60 }),
      together: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ sent, deliveries, together }) => {
        await bench.storage.db.deleteFrom('events').execute();
        await bench.storage.db.deleteFrom('sequences').execute();
        const deliver = async (seq: number) => bench.ingest.receive(device, 'event', await event(seq));
        const first = deliveries.map((index) => (index % sent) + 1);
        if (together) await Promise.all(first.map(deliver));
        else for (const seq of first) await deliver(seq);
        const receipt = await bench.sequences();
        const highest = Math.max(0, ...first);
        expect(receipt?.up_to ?? 0).toBe(highest);
        const absent = Array.from({ length: highest }, (_, i) => i + 1).filter((seq) => !first.includes(seq));
        expect(receipt?.missing ?? []).toEqual(absent);
        // What the receipt does not cover is sent again, and something it does cover too.
        for (let seq = 1; seq <= sent; seq++) await deliver(seq);
        expect(await bench.sequences()).toMatchObject({ up_to: sent, missing: [] });
        const expected = Array.from({ length: sent }, (_, index) => `number ${index + 1}`);
        expect((await bench.effects()).sort()).toEqual(expected.sort());
      }),
      { numRuns: 60 },
    );
  });

  test('devices do not mix', async () => {
    await Promise.all([
      bench.ingest.receive(device, 'event', await event(1)),
      bench.ingest.receive('edge-2', 'event', await event(3)),
    ]);
    expect(await bench.sequences()).toMatchObject({ up_to: 1, missing: [] });
    expect(await bench.sequences('edge-2')).toMatchObject({ up_to: 3, missing: [1, 2] });
    expect(bench.onCommitted.mock.calls.flatMap(([devices]) => [...devices]).sort()).toEqual([
      device,
      'edge-2',
    ]);
  });

  test('a restart forgets nothing: a duplicate stays one', async () => {
    await bench.ingest.receive(device, 'event', await event(1));
    bench.restart();
    await bench.ingest.receive(device, 'event', await event(1));
    expect(await bench.effects()).toEqual(['number 1']);
    expect(bench.wantReceipt).toHaveBeenCalledTimes(2);
    expect(bench.ingest.counts()).toMatchObject({ accepted: 0, duplicate: 1 });
  });

  test('a huge gap costs little; what is given up is counted', async () => {
    await bench.ingest.receive(device, 'event', await event(1));
    await bench.ingest.receive(device, 'event', await event(2 ** 52));
    const row = await bench.sequences();
    expect(row?.up_to).toBe(2 ** 52);
    expect(row?.missing).toHaveLength(1_000);
    expect(bench.ingest.counts().lost).toBe(2 ** 52 - 2 - 1_000);
  });

  test('a whole stretch that the device dropped is waited for no longer; a stretch with gaps is', async () => {
    await bench.ingest.receive(device, 'event', await event(1));
    await bench.ingest.receive(device, 'event', await event(10));
    const record = (from: number, to: number, count: number) => ({
      dropped: { from: BigInt(from), to: BigInt(to), kind: 'metrics', count },
    });
    await bench.ingest.receive(device, 'event', await event(11, record(2, 6, 5)));
    expect((await bench.sequences())?.missing).toEqual([7, 8, 9]);
    await bench.ingest.receive(device, 'event', await event(12, record(7, 9, 2)));
    expect((await bench.sequences())?.missing).toEqual([7, 8, 9]);
    await bench.ingest.receive(device, 'event', await event(30, record(13, 29, 17)));
    expect(await bench.sequences()).toMatchObject({ up_to: 30, missing: [7, 8, 9] });
  });
});

describe('birth and death', () => {
  test('an unknown boot is asked for a birth until it comes', async () => {
    await bench.ingest.receive(device, 'event', await event(1));
    expect(await bench.sequences()).toMatchObject({ rebirth: 1 });
    await bench.ingest.receive(device, 'birth', birth('boot-1', 2));
    expect(await bench.sequences()).toMatchObject({ rebirth: 0, boot_id: 'boot-1', up_to: 1 });
    await bench.ingest.receive(device, 'event', await event(2));
    expect(await bench.sequences()).toMatchObject({ rebirth: 0 });
    await bench.ingest.receive(device, 'event', await event(4));
    expect(await bench.sequences()).toMatchObject({ rebirth: 1, missing: [3] });
    await bench.ingest.receive(device, 'birth', birth('boot-1', 5));
    await bench.ingest.receive(device, 'event', await event(5, {}, 'boot-2'));
    expect(await bench.sequences()).toMatchObject({ rebirth: 1, boot_id: 'boot-1' });
  });

  test('a device that lost its outbox counts anew', async () => {
    await bench.ingest.receive(device, 'event', await event(50));
    await bench.ingest.receive(device, 'birth', birth('boot-2', 1));
    await bench.ingest.receive(device, 'event', await event(1, {}, 'boot-2'));
    expect(await bench.effects()).toEqual(['number 50', 'number 1']);
    expect(await bench.sequences()).toMatchObject({ up_to: 1, missing: [] });
  });

  test('only the current boot can die', async () => {
    await bench.ingest.receive(device, 'birth', birth('boot-1', 1));
    await bench.ingest.receive(device, 'birth', birth('boot-2', 1));
    await bench.ingest.receive(device, 'death', json({ bootId: 'boot-1' }));
    await bench.ingest.receive(device, 'death', json({ bootId: 'boot-2' }));
    expect(bench.calls).toEqual(['birth boot-1', 'birth boot-2', 'death boot-2']);
  });

  test('get is handed on and answered', async () => {
    await bench.ingest.receive(device, 'get', json({ generation: 7, bootId: 'boot-1' }));
    expect(bench.calls).toEqual(['get 7']);
    expect(bench.wantDesired).toHaveBeenCalledExactlyOnceWith(device);
  });
});
