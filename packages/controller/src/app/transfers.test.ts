import { decodeSegment, openTransfer, type TransferTarget } from '@covey/bundle/transfer';
import type { Manifest } from '@covey/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTransfers, type Transfers } from '../transfers/index.ts';
import { type DomainFixture, domainFixture, memoryLog } from './domain.fixture.ts';
import { modelBytes } from './large-model.fixture.ts';

const waitMs = 60_000;

let fixture: DomainFixture;
let transfers: Transfers;

beforeEach(async () => {
  fixture = await domainFixture([]);
  transfers = started();
});
afterEach(async () => {
  await transfers.stop();
  await fixture.close();
});

function started(): Transfers {
  const { storage, world, log } = fixture;
  return createTransfers({ storage, clock: world.clock, log: memoryLog(log) });
}

/** Transfers that were tried. */
async function noted(): Promise<number> {
  return (await fixture.storage.db.selectFrom('transfers').selectAll().execute()).length;
}

/** Publishes a version, and gives its file as the manifest describes it. */
async function publish(version: string, bytes: Uint8Array) {
  await fixture.publish(version, { bytes });
  const { manifest } = await fixture.storage.db
    .selectFrom('versions')
    .select('manifest')
    .where('version', '=', version)
    .executeTakeFirstOrThrow();
  const [file] = (JSON.parse(manifest) as Manifest).files;
  if (!file) throw new Error('a bundle has files');
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
  const target = await publish('1.1.0', after);
  const asked = await Promise.all([1, 2, 3].map(() => transfers.get(target.sha256, base.sha256, waitMs)));
  const [transfer] = asked;
  if (!transfer) throw new Error('small steps pay');
  expect(await noted()).toBe(1);
  expect(asked.every((other) => other && Buffer.from(transfer).equals(other))).toBe(true);
  expect(transfer.byteLength).toBeLessThan(after.byteLength * 0.6);
  expect((await decoded(transfer, target, before)).equals(after)).toBe(true);
  await transfers.stop();
  transfers = started();
  expect(await transfers.get(target.sha256, base.sha256, waitMs)).toEqual(transfer);
  expect(await transfers.sizeOf(target.sha256, base.sha256, waitMs)).toEqual({
    sizeBytes: after.byteLength,
    wireBytes: transfer.byteLength,
    how: 'transfer',
  });
});

test('from nothing weights take less than their bytes, too', async () => {
  const bytes = modelBytes(0);
  const file = await publish('1.0.0', bytes);
  const transfer = await transfers.get(file.sha256, null, waitMs);
  expect(transfer?.byteLength).toBeLessThan(bytes.byteLength * 0.9);
});

test('there is none of what is not published, and none that does not pay', async () => {
  const file = await publish('1.0.0', modelBytes(0));
  const nobodys = 'ab'.repeat(32);
  expect(await transfers.get(nobodys, null, waitMs)).toBeNull();
  expect(await transfers.get(file.sha256, nobodys, waitMs)).toBeNull();
  const [chunk] = file.chunks;
  if (file.chunks.length > 1) expect(await transfers.get(chunk?.sha256 ?? '', null, waitMs)).toBeNull();
  // All of its chunks are there.
  expect(await transfers.get(file.sha256, file.sha256, waitMs)).toBeNull();
  expect(await transfers.sizeOf(file.sha256, file.sha256, waitMs)).toMatchObject({
    wireBytes: 0,
    how: 'chunks',
  });
});

test('who cannot wait is told to ask again, and then finds it made', async () => {
  const file = await publish('1.0.0', modelBytes(0));
  const asked = transfers.get(file.sha256, null, 5_000);
  asked.catch(() => undefined);
  await fixture.world.advance(5_000);
  await expect(asked).rejects.toMatchObject({ code: 'OVERLOADED' });
  expect(await transfers.get(file.sha256, null, waitMs)).toBeInstanceOf(Uint8Array);
  expect(await noted()).toBe(1);
});

test('stopping gives up what is being made, and nothing is noted of it', async () => {
  const file = await publish('1.0.0', modelBytes(0));
  const asked = transfers.get(file.sha256, null, waitMs);
  await fixture.world.settle();
  await transfers.stop();
  expect([await asked, await noted()]).toEqual([null, 0]);
  transfers = started();
  expect(await transfers.get(file.sha256, null, waitMs)).toBeInstanceOf(Uint8Array);
});
