import { decodeSegment, openTransfer, type TransferTarget } from '@covey/bundle/transfer';
import type { BundleFile } from '@covey/protocol';
import { RolloutPlan } from '@covey/protocol/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { modelBytes } from './large-model.fixture.ts';
import { type TransfersFixture, transfersFixture, waitMs } from './transfers.fixture.ts';

let site: TransfersFixture;
beforeEach(async () => {
  site = await transfersFixture();
});
afterEach(() => site.close());

async function decoded(transfer: Uint8Array, target: TransferTarget, base: Uint8Array): Promise<Buffer> {
  const { segments, baseBytes } = openTransfer(transfer, target, base.byteLength);
  const parts = segments.map((segment) =>
    decodeSegment(
      segment,
      transfer.subarray(segment.offset, segment.offset + segment.sizeBytes),
      baseBytes,
      (offset, sizeBytes) => base.subarray(offset, offset + sizeBytes),
    ),
  );
  return Buffer.concat(await Promise.all(parts));
}

test('a transfer is made once, in a thread, kept over a restart, and decodes to the file', async () => {
  const [before, after] = [modelBytes(0), modelBytes(1e-5)];
  const base = await site.publish('1.0.0', before);
  await site.serves('edge-1', '1.0.0');
  const target = await site.publish('1.1.0', after);
  const asked = await Promise.all([1, 2, 3].map(() => site.ask(target.sha256, base.sha256)));
  const [transfer] = asked;
  if (!transfer) throw new Error('small steps pay');
  expect(await site.noted()).toBe(1);
  expect(asked.every((other) => other && Buffer.from(transfer).equals(other))).toBe(true);
  expect(transfer.byteLength).toBeLessThan(after.byteLength * 0.6);
  expect((await decoded(transfer, target, before)).equals(after)).toBe(true);
  await site.transfers.stop();
  site.start();
  expect(await site.ask(target.sha256, base.sha256)).toEqual(transfer);
  expect(await site.transfers.sizeOf(target.sha256, base.sha256, waitMs)).toEqual({
    sizeBytes: after.byteLength,
    wireBytes: transfer.byteLength,
    how: 'transfer',
  });
});

test('from nothing weights take less than their bytes, too', async () => {
  const bytes = modelBytes(0);
  const file = await site.publish('1.0.0', bytes);
  const transfer = await site.ask(file.sha256, null);
  expect(transfer?.byteLength).toBeLessThan(bytes.byteLength * 0.9);
});

test('there is none that does not pay', async () => {
  const file = await site.publish('1.0.0', modelBytes(0));
  // All of its chunks are there.
  expect(await site.ask(file.sha256, file.sha256)).toBeNull();
  expect(await site.transfers.sizeOf(file.sha256, file.sha256, waitMs)).toMatchObject({
    wireBytes: 0,
    how: 'chunks',
  });
  expect(await site.transfers.sizeOf('ab'.repeat(32), null, waitMs)).toBeNull();
});

test('who cannot wait is told to ask again, and then finds it made', async () => {
  const file = await site.publish('1.0.0', modelBytes(0));
  const asked = site.ask(file.sha256, null, 'edge-1', 5_000);
  asked.catch(() => undefined);
  await site.domain.world.advance(5_000);
  await expect(asked).rejects.toMatchObject({ code: 'TRANSFER_PENDING' });
  expect(await site.ask(file.sha256, null)).toBeInstanceOf(Uint8Array);
  expect(await site.noted()).toBe(1);
});

test('a device waits with four requests at the most, also for one transfer; others wait for it meanwhile', async () => {
  const file = await site.publish('1.0.0', modelBytes(0));
  await site.want('edge-2', '1.0.0');
  const asked = Array.from({ length: 4 }, () => site.ask(file.sha256, null));
  await site.domain.world.settle();
  await expect(site.ask(file.sha256, null)).rejects.toMatchObject({
    code: 'TRANSFER_PENDING',
    message: '4 requests of edge-1 wait already',
  });
  const [first, ...same] = await Promise.all([...asked, site.ask(file.sha256, null, 'edge-2')]);
  expect(first).toBeInstanceOf(Uint8Array);
  expect(same.every((bytes) => bytes?.byteLength === first?.byteLength)).toBe(true);
  expect(site.transfers.counts()).toEqual({ made: 1, useless: 0, failed: 0 });
});

test('stopping gives up what is being made, and nothing is noted of it', async () => {
  const file = await site.publish('1.0.0', modelBytes(0));
  const asked = site.ask(file.sha256, null);
  await site.domain.world.settle();
  await site.transfers.stop();
  expect([await asked, await site.noted()]).toEqual([null, 0]);
  site.start();
  expect(await site.ask(file.sha256, null)).toBeInstanceOf(Uint8Array);
});

describe('a device may have made', () => {
  const refused = { code: 'TRANSFER_REFUSED' };

  test('nothing that is not wanted of it: other versions, chunks, what nobody published', async () => {
    const old = await site.publish('1.0.0', modelBytes(0));
    const file = await site.publish('1.1.0', modelBytes(1e-5));
    await expect(site.ask(file.sha256, null, 'edge-2')).rejects.toMatchObject(refused);
    await expect(site.ask(file.sha256, null, 'nobody')).rejects.toMatchObject(refused);
    await expect(site.ask(old.sha256, null)).rejects.toMatchObject({
      ...refused,
      message: `no version that is wanted of edge-1 has the file ${old.sha256.slice(0, 12)}`,
    });
    await expect(site.ask('ab'.repeat(32), null)).rejects.toMatchObject(refused);
    const [chunk] = file.chunks;
    if (file.chunks.length > 1)
      await expect(site.ask(chunk?.sha256 ?? '', null)).rejects.toMatchObject(refused);
    expect(await site.noted()).toBe(0);
  });

  test('nothing from what it never had: only from what it was told to have, or says that it serves', async () => {
    const base = await site.publish('1.0.0', modelBytes(0));
    const file = await site.publish('1.1.0', modelBytes(1e-5));
    await expect(site.ask(file.sha256, base.sha256)).rejects.toMatchObject(refused);
    await expect(site.ask(file.sha256, 'ab'.repeat(32))).rejects.toMatchObject(refused);
    await site.serves('edge-1', '1.0.0');
    expect(await site.ask(file.sha256, base.sha256)).toBeInstanceOf(Uint8Array);
    // What serves is repaired, whatever is wanted.
    expect(await site.ask(base.sha256, null)).toBeInstanceOf(Uint8Array);
  });

  test('from what a rollout told it to have, though it reports nothing', async () => {
    const base = await site.publish('1.0.0', modelBytes(0));
    const plan = RolloutPlan.parse({ model: 'bearing', version: '1.0.0', waves: [{ percent: 100 }] });
    await site.domain.domain.rollouts.create(plan, 'admin');
    await site.domain.world.advance(2_000);
    const file = await site.publish('1.1.0', modelBytes(1e-5));
    await site.want('edge-2', '1.1.0');
    expect(await site.ask(file.sha256, base.sha256, 'edge-2')).toBeInstanceOf(Uint8Array);
  });

  test('two at a time, and others are made meanwhile', async () => {
    const files: BundleFile[] = [];
    for (const [at, version] of ['1.0.0', '1.1.0', '1.2.0', '1.3.0'].entries())
      files.push(await site.publish(version, modelBytes(at * 1e-3)));
    const [first, second, third, target] = files.map(({ sha256 }) => sha256);
    const { storage } = site.domain;
    const plan = JSON.stringify({ model: 'bearing', version: '1.0.0' });
    const told = { state: 'completed', reason: null, wave: 0, waves: '[]', created_by: 'test' };
    const at = { created_at: 1, updated_at: 1, wave_started_at: null };
    for (const [index, previous] of ['1.1.0', '1.2.0'].entries()) {
      const id = `rollout-${index}`;
      await storage.db
        .insertInto('rollouts')
        .values({ id, plan, ...told, ...at })
        .execute();
      const member = { wave: 0, state: 'proven', generation: 1, previous, reason: null, evidence: null };
      for (const device of ['edge-1', 'edge-2'])
        await storage.db
          .insertInto('rollout_devices')
          .values({ rollout: id, device, ...member, updated_at: 1 })
          .execute();
    }
    await site.want('edge-2', '1.3.0');
    const pending = [first, second].map((base) => site.ask(target ?? '', base ?? ''));
    await site.domain.world.settle();
    await expect(site.ask(target ?? '', third ?? '')).rejects.toMatchObject({
      code: 'TRANSFER_PENDING',
      message: 'edge-1 waits for 2 other transfers',
    });
    const ofOther = site.ask(target ?? '', third ?? '', 'edge-2');
    expect((await Promise.all([...pending, ofOther])).every(Boolean)).toBe(true);
    expect(await site.ask(target ?? '', third ?? '')).toBeInstanceOf(Uint8Array);
  });
});
