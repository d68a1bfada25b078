import { decodeSegment, openTransfer, type TransferTarget } from '@covey/bundle/transfer';
import type { BundleFile, Manifest } from '@covey/protocol';
import { RolloutPlan, Soak } from '@covey/protocol/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { setModelVersion } from '../fleet/index.ts';
import { createTransfers, type Transfers } from '../transfers/index.ts';
import { type DomainFixture, domainFixture, memoryLog } from './domain.fixture.ts';
import { modelBytes } from './large-model.fixture.ts';

const waitMs = 60_000;

let fixture: DomainFixture;
let transfers: Transfers;

beforeEach(async () => {
  fixture = await domainFixture(['edge-1', 'edge-2']);
  transfers = started();
});
afterEach(async () => {
  await transfers.stop();
  await fixture.close();
});

function started(quotaBytes = 1e9): Transfers {
  const { storage, world, log } = fixture;
  return createTransfers({ storage, clock: world.clock, log: memoryLog(log), quotaBytes });
}

/** As a device asks that waits for as long as it takes. */
function ask(target: string, base: string | null, device = 'edge-1', patienceMs = waitMs) {
  return transfers.get(device, { target, base }, patienceMs);
}

/** Orders a version for a device. */
function want(device: string, version: string): Promise<number> {
  const { storage, world } = fixture;
  const how = { soak: Soak.parse({}), force: false, setBy: { kind: 'operator' as const, id: 'test' } };
  return storage.transaction((tx) =>
    setModelVersion(tx, { device, model: 'bearing', version, ...how, now: world.clock.now() }),
  );
}

/** What a device says that it serves. */
async function serves(device: string, version: string): Promise<void> {
  const reported = JSON.stringify({ reported: { serving: [{ model: 'bearing', version }] } });
  await fixture.storage.db.updateTable('devices').set({ reported }).where('id', '=', device).execute();
}

/** The blobs of transfers, and the bytes that rows name. */
async function kept(): Promise<{ blobs: number; rows: number }> {
  const rows = await fixture.storage.db.selectFrom('transfers').select('sha256').execute();
  const named = rows.filter(({ sha256 }) => sha256 !== null);
  return { blobs: (await fixture.storage.transferBlobs.list()).length, rows: named.length };
}

/** Damages a chunk of a file on the disk; the answer is what was there. */
async function damage(file: BundleFile): Promise<{ path: string; bytes: Uint8Array }> {
  const sha256 = file.chunks[0]?.sha256 ?? '';
  const path = `/blobs/${sha256.slice(0, 2)}/${sha256}`;
  const bytes = await fixture.disk.read(path);
  if (!bytes) throw new Error('the chunk is there');
  await fixture.disk.write(
    path,
    bytes.map((byte) => byte ^ 1),
  );
  return { path, bytes };
}

/** Transfers that were tried. */
async function noted(): Promise<number> {
  return (await fixture.storage.db.selectFrom('transfers').selectAll().execute()).length;
}

/** Publishes a version and orders it for edge-1, and gives its file as the manifest describes it. */
async function publish(version: string, bytes: Uint8Array) {
  await fixture.publish(version, { bytes });
  const { manifest } = await fixture.storage.db
    .selectFrom('versions')
    .select('manifest')
    .where('version', '=', version)
    .executeTakeFirstOrThrow();
  const [file] = (JSON.parse(manifest) as Manifest).files;
  if (!file) throw new Error('a bundle has files');
  await want('edge-1', version);
  return file;
}

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
  const base = await publish('1.0.0', before);
  await serves('edge-1', '1.0.0');
  const target = await publish('1.1.0', after);
  const asked = await Promise.all([1, 2, 3].map(() => ask(target.sha256, base.sha256)));
  const [transfer] = asked;
  if (!transfer) throw new Error('small steps pay');
  expect(await noted()).toBe(1);
  expect(asked.every((other) => other && Buffer.from(transfer).equals(other))).toBe(true);
  expect(transfer.byteLength).toBeLessThan(after.byteLength * 0.6);
  expect((await decoded(transfer, target, before)).equals(after)).toBe(true);
  await transfers.stop();
  transfers = started();
  expect(await ask(target.sha256, base.sha256)).toEqual(transfer);
  expect(await transfers.sizeOf(target.sha256, base.sha256, waitMs)).toEqual({
    sizeBytes: after.byteLength,
    wireBytes: transfer.byteLength,
    how: 'transfer',
  });
});

test('from nothing weights take less than their bytes, too', async () => {
  const bytes = modelBytes(0);
  const file = await publish('1.0.0', bytes);
  const transfer = await ask(file.sha256, null);
  expect(transfer?.byteLength).toBeLessThan(bytes.byteLength * 0.9);
});

test('there is none that does not pay', async () => {
  const file = await publish('1.0.0', modelBytes(0));
  // All of its chunks are there.
  expect(await ask(file.sha256, file.sha256)).toBeNull();
  expect(await transfers.sizeOf(file.sha256, file.sha256, waitMs)).toMatchObject({
    wireBytes: 0,
    how: 'chunks',
  });
  expect(await transfers.sizeOf('ab'.repeat(32), null, waitMs)).toBeNull();
});

test('who cannot wait is told to ask again, and then finds it made', async () => {
  const file = await publish('1.0.0', modelBytes(0));
  const asked = ask(file.sha256, null, 'edge-1', 5_000);
  asked.catch(() => undefined);
  await fixture.world.advance(5_000);
  await expect(asked).rejects.toMatchObject({ code: 'TRANSFER_PENDING' });
  expect(await ask(file.sha256, null)).toBeInstanceOf(Uint8Array);
  expect(await noted()).toBe(1);
});

test('stopping gives up what is being made, and nothing is noted of it', async () => {
  const file = await publish('1.0.0', modelBytes(0));
  const asked = ask(file.sha256, null);
  await fixture.world.settle();
  await transfers.stop();
  expect([await asked, await noted()]).toEqual([null, 0]);
  transfers = started();
  expect(await ask(file.sha256, null)).toBeInstanceOf(Uint8Array);
});

describe('a device may have made', () => {
  const refused = { code: 'TRANSFER_REFUSED' };

  test('nothing that is not wanted of it: other versions, chunks, what nobody published', async () => {
    const old = await publish('1.0.0', modelBytes(0));
    const file = await publish('1.1.0', modelBytes(1e-5));
    await expect(ask(file.sha256, null, 'edge-2')).rejects.toMatchObject(refused);
    await expect(ask(file.sha256, null, 'nobody')).rejects.toMatchObject(refused);
    await expect(ask(old.sha256, null)).rejects.toMatchObject({
      ...refused,
      message: `no version that is wanted of edge-1 has the file ${old.sha256.slice(0, 12)}`,
    });
    await expect(ask('ab'.repeat(32), null)).rejects.toMatchObject(refused);
    const [chunk] = file.chunks;
    if (file.chunks.length > 1) await expect(ask(chunk?.sha256 ?? '', null)).rejects.toMatchObject(refused);
    expect(await noted()).toBe(0);
  });

  test('nothing from what it never had: only from what it was told to have, or says that it serves', async () => {
    const base = await publish('1.0.0', modelBytes(0));
    const file = await publish('1.1.0', modelBytes(1e-5));
    await expect(ask(file.sha256, base.sha256)).rejects.toMatchObject(refused);
    await expect(ask(file.sha256, 'ab'.repeat(32))).rejects.toMatchObject(refused);
    await serves('edge-1', '1.0.0');
    expect(await ask(file.sha256, base.sha256)).toBeInstanceOf(Uint8Array);
    // What serves is repaired, whatever is wanted.
    expect(await ask(base.sha256, null)).toBeInstanceOf(Uint8Array);
  });

  test('from what a rollout told it to have, though it reports nothing', async () => {
    const base = await publish('1.0.0', modelBytes(0));
    const plan = RolloutPlan.parse({ model: 'bearing', version: '1.0.0', waves: [{ percent: 100 }] });
    await fixture.domain.rollouts.create(plan, 'admin');
    await fixture.world.advance(2_000);
    const file = await publish('1.1.0', modelBytes(1e-5));
    await want('edge-2', '1.1.0');
    expect(await ask(file.sha256, base.sha256, 'edge-2')).toBeInstanceOf(Uint8Array);
  });

  test('two at a time, and others are made meanwhile', async () => {
    const files: BundleFile[] = [];
    for (const [at, version] of ['1.0.0', '1.1.0', '1.2.0', '1.3.0'].entries())
      files.push(await publish(version, modelBytes(at * 1e-3)));
    const [first, second, third, target] = files.map(({ sha256 }) => sha256);
    const { storage } = fixture;
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
    await want('edge-2', '1.3.0');
    const pending = [first, second].map((base) => ask(target ?? '', base ?? ''));
    await fixture.world.settle();
    await expect(ask(target ?? '', third ?? '')).rejects.toMatchObject({
      code: 'TRANSFER_PENDING',
      message: 'edge-1 waits for 2 other transfers',
    });
    const ofOther = ask(target ?? '', third ?? '', 'edge-2');
    expect((await Promise.all([...pending, ofOther])).every(Boolean)).toBe(true);
    expect(await ask(target ?? '', third ?? '')).toBeInstanceOf(Uint8Array);
  });
});

describe('a making that failed', () => {
  test('is no verdict: it is tried again, later each time, and said in the log', async () => {
    const file = await publish('1.0.0', modelBytes(0));
    const { path, bytes } = await damage(file);
    const { world, disk, log } = fixture;
    const failures = () => log.filter((line) => line.startsWith('warn a transfer was not made'));
    expect(await ask(file.sha256, null)).toBeNull();
    expect(failures()).toHaveLength(1);
    expect(failures()[0]).toContain('"code":"BUNDLE_INCOMPLETE"');
    await world.advance(30_000);
    expect(await ask(file.sha256, null)).toBeNull();
    expect(failures()).toHaveLength(1);
    await world.advance(30_000);
    expect(await ask(file.sha256, null)).toBeNull();
    expect(failures()[1]).toContain('"attempts":2,"retryMs":300000');
    await disk.write(path, bytes);
    await world.advance(300_000);
    expect(await ask(file.sha256, null)).toBeInstanceOf(Uint8Array);
  });

  test('is tried eight times over three days, and then left', async () => {
    const file = await publish('1.0.0', modelBytes(0));
    await damage(file);
    for (let times = 0; times < 12; times++) {
      expect(await ask(file.sha256, null)).toBeNull();
      // As if the time had come.
      await fixture.storage.db.updateTable('transfers').set({ retry_at: 0 }).execute();
    }
    const failures = fixture.log.filter((line) => line.startsWith('warn a transfer was not made'));
    expect(failures.length).toBe(8);
  });

  test('one that took too long counts as failed, and so does one that ended the process', async () => {
    const file = await publish('1.0.0', modelBytes(0));
    const asked = ask(file.sha256, null, 'edge-1', 10_000_000);
    await fixture.world.settle();
    await fixture.world.advance(600_000);
    expect(await asked).toBeNull();
    expect(fixture.log.at(-1)).toContain('"code":"TIMEOUT"');
    await fixture.world.advance(60_000);
    const again = ask(file.sha256, null);
    again.catch(() => undefined);
    await fixture.world.settle();
    const row = await fixture.storage.db.selectFrom('transfers').selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({ outcome: 'failed', attempts: 2 });
    expect(await again).toBeInstanceOf(Uint8Array);
    expect(await fixture.storage.db.selectFrom('transfers').select('attempts').execute()).toEqual([
      { attempts: 0 },
    ]);
  });
});

describe('what is kept', () => {
  test('keeps to a quota: what was asked for longest ago goes, row and blob, and is made anew when it is wanted', async () => {
    const first = await publish('1.0.0', modelBytes(0));
    const size = (await ask(first.sha256, null))?.byteLength ?? 0;
    await transfers.stop();
    transfers = started(Math.ceil(size * 2.5));
    const second = await publish('1.1.0', modelBytes(0.01));
    await ask(second.sha256, null);
    await fixture.world.advance(700_000);
    // The first was made before, and is used after the second.
    await serves('edge-1', '1.0.0');
    expect(await ask(first.sha256, null)).toBeInstanceOf(Uint8Array);
    const third = await publish('1.2.0', modelBytes(0.02));
    await ask(third.sha256, null);
    expect(await kept()).toEqual({ blobs: 2, rows: 2 });
    const left = await fixture.storage.db.selectFrom('transfers').select('target').execute();
    expect(left.map(({ target }) => target).sort()).toEqual([first.sha256, third.sha256].sort());
    await want('edge-1', '1.1.0');
    expect(await ask(second.sha256, null)).toBeInstanceOf(Uint8Array);
  });

  test('goes a day after it was last used, once no device is to have its target or its base', async () => {
    const base = await publish('1.0.0', modelBytes(0));
    await serves('edge-1', '1.0.0');
    const file = await publish('1.1.0', modelBytes(1e-5));
    await ask(file.sha256, base.sha256);
    await fixture.storage.db
      .updateTable('transfers')
      .set(({ eb }) => ({ used_at: eb('used_at', '-', 86_400_001) }))
      .execute();
    await transfers.collect();
    expect(await kept()).toEqual({ blobs: 1, rows: 1 });
    await serves('edge-1', '1.1.0');
    await transfers.collect();
    expect(await kept()).toEqual({ blobs: 0, rows: 0 });
    // A preview makes one before anybody is to have it.
    await want('edge-1', '1.0.0');
    await serves('edge-1', '1.0.0');
    await transfers.sizeOf(file.sha256, base.sha256, waitMs);
    await transfers.collect();
    expect(await kept()).toEqual({ blobs: 1, rows: 1 });
  });

  test('a blob that a crash left without its row goes; a row whose blob is damaged is made anew', async () => {
    const file = await publish('1.0.0', modelBytes(0));
    const transfer = await ask(file.sha256, null);
    const { storage, disk } = fixture;
    const { sha256 } = await storage.db.selectFrom('transfers').select('sha256').executeTakeFirstOrThrow();
    const path = `/blobs/transfers/${sha256?.slice(0, 2)}/${sha256}`;
    await disk.write(path, new Uint8Array(100));
    expect(await ask(file.sha256, null)).toEqual(transfer);
    await storage.db.deleteFrom('transfers').execute();
    await transfers.collect();
    expect(await kept()).toEqual({ blobs: 0, rows: 0 });
    expect(await ask(file.sha256, null)).toEqual(transfer);
  });
});
