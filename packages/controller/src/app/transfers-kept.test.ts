import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { modelBytes } from './large-model.fixture.ts';
import { type TransfersFixture, transfersFixture, waitMs } from './transfers.fixture.ts';

let site: TransfersFixture;
beforeEach(async () => {
  site = await transfersFixture();
});
afterEach(() => site.close());

describe('a making that failed', () => {
  test('is no verdict: it is tried again, later each time, and said in the log', async () => {
    const file = await site.publish('1.0.0', modelBytes(0));
    const { path, bytes } = await site.damage(file);
    const { world, disk, log } = site.domain;
    const failures = () => log.filter((line) => line.startsWith('warn a transfer was not made'));
    expect(await site.ask(file.sha256, null)).toBeNull();
    expect(failures()).toHaveLength(1);
    expect(failures()[0]).toContain('"code":"BUNDLE_INCOMPLETE"');
    await world.advance(30_000);
    expect(await site.ask(file.sha256, null)).toBeNull();
    expect(failures()).toHaveLength(1);
    await world.advance(30_000);
    expect(await site.ask(file.sha256, null)).toBeNull();
    expect(failures()[1]).toContain('"attempts":2,"retryMs":300000');
    await disk.write(path, bytes);
    await world.advance(300_000);
    expect(await site.ask(file.sha256, null)).toBeInstanceOf(Uint8Array);
    expect(site.transfers.counts()).toEqual({ made: 1, useless: 0, failed: 2 });
  });

  test('is tried eight times over three days, and then left', async () => {
    const file = await site.publish('1.0.0', modelBytes(0));
    await site.damage(file);
    for (let times = 0; times < 12; times++) {
      expect(await site.ask(file.sha256, null)).toBeNull();
      // As if the time had come.
      await site.domain.storage.db.updateTable('transfers').set({ retry_at: 0 }).execute();
    }
    const failures = site.domain.log.filter((line) => line.startsWith('warn a transfer was not made'));
    expect(failures.length).toBe(8);
  });

  test('one that took too long counts as failed, and so does one that ended the process', async () => {
    const file = await site.publish('1.0.0', modelBytes(0));
    const asked = site.ask(file.sha256, null, 'edge-1', 10_000_000);
    await site.domain.world.settle();
    await site.domain.world.advance(600_000);
    expect(await asked).toBeNull();
    expect(site.domain.log.at(-1)).toContain('"code":"TIMEOUT"');
    await site.domain.world.advance(60_000);
    const again = site.ask(file.sha256, null);
    again.catch(() => undefined);
    await site.domain.world.settle();
    const row = await site.domain.storage.db.selectFrom('transfers').selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({ outcome: 'failed', attempts: 2 });
    expect(await again).toBeInstanceOf(Uint8Array);
    expect(await site.domain.storage.db.selectFrom('transfers').select('attempts').execute()).toEqual([
      { attempts: 0 },
    ]);
  });
});

describe('what is kept', () => {
  test('keeps to a quota: what was asked for longest ago goes, row and blob, and is made anew when it is wanted', async () => {
    const first = await site.publish('1.0.0', modelBytes(0));
    const size = (await site.ask(first.sha256, null))?.byteLength ?? 0;
    await site.transfers.stop();
    site.start(Math.ceil(size * 2.5));
    const second = await site.publish('1.1.0', modelBytes(0.01));
    await site.ask(second.sha256, null);
    await site.domain.world.advance(700_000);
    // The first was made before, and is used after the second.
    await site.serves('edge-1', '1.0.0');
    expect(await site.ask(first.sha256, null)).toBeInstanceOf(Uint8Array);
    const third = await site.publish('1.2.0', modelBytes(0.02));
    await site.ask(third.sha256, null);
    expect(await site.kept()).toEqual({ blobs: 2, rows: 2 });
    const left = await site.domain.storage.db.selectFrom('transfers').select('target').execute();
    expect(left.map(({ target }) => target).sort()).toEqual([first.sha256, third.sha256].sort());
    await site.want('edge-1', '1.1.0');
    expect(await site.ask(second.sha256, null)).toBeInstanceOf(Uint8Array);
  });

  test('goes a day after it was last used, once no device is to have its target or its base', async () => {
    const base = await site.publish('1.0.0', modelBytes(0));
    await site.serves('edge-1', '1.0.0');
    const file = await site.publish('1.1.0', modelBytes(1e-5));
    await site.ask(file.sha256, base.sha256);
    await site.domain.storage.db
      .updateTable('transfers')
      .set(({ eb }) => ({ used_at: eb('used_at', '-', 86_400_001) }))
      .execute();
    await site.transfers.collect();
    expect(await site.kept()).toEqual({ blobs: 1, rows: 1 });
    await site.serves('edge-1', '1.1.0');
    await site.transfers.collect();
    expect(await site.kept()).toEqual({ blobs: 0, rows: 0 });
    // A preview makes one before anybody is to have it.
    await site.want('edge-1', '1.0.0');
    await site.serves('edge-1', '1.0.0');
    await site.transfers.sizeOf(file.sha256, base.sha256, waitMs);
    await site.transfers.collect();
    expect(await site.kept()).toEqual({ blobs: 1, rows: 1 });
  });

  test('a blob that a crash left without its row goes; a row whose blob is damaged is made anew', async () => {
    const file = await site.publish('1.0.0', modelBytes(0));
    const transfer = await site.ask(file.sha256, null);
    const { storage, disk } = site.domain;
    const { sha256 } = await storage.db.selectFrom('transfers').select('sha256').executeTakeFirstOrThrow();
    const path = `/blobs/transfers/${sha256?.slice(0, 2)}/${sha256}`;
    await disk.write(path, new Uint8Array(100));
    // It is looked at when the controller starts, and then every hour.
    await site.transfers.stop();
    site.start();
    expect(await site.ask(file.sha256, null)).toEqual(transfer);
    await storage.db.deleteFrom('transfers').execute();
    await site.transfers.collect();
    expect(await site.kept()).toEqual({ blobs: 0, rows: 0 });
    expect(await site.ask(file.sha256, null)).toEqual(transfer);
  });

  test.each(['lost', 'cut'])(
    'a blob that the disk has %s since it was looked at fails once, and is made anew',
    async (how) => {
      const file = await site.publish('1.0.0', modelBytes(0));
      const transfer = await site.ask(file.sha256, null);
      const { storage, disk } = site.domain;
      const { sha256 } = await storage.db.selectFrom('transfers').select('sha256').executeTakeFirstOrThrow();
      const path = `/blobs/transfers/${sha256?.slice(0, 2)}/${sha256}`;
      await (how === 'lost' ? disk.remove(path) : disk.truncate(path, 100));
      await expect(site.ask(file.sha256, null)).rejects.toThrow();
      expect(await site.ask(file.sha256, null)).toEqual(transfer);
    },
  );
});
