import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, type Log, systemDisk } from '@covey/ports';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStorage, type Storage } from '../storage/index.ts';
import { createRefusalAudit, queryAudit, writeAudit } from './index.ts';

let storage: Storage;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'covey-audit-'));
  storage = await openStorage({ file: ':memory:', blobFolder: folder, disk: systemDisk });
});
afterEach(async () => {
  await storage.close();
  await rm(folder, { recursive: true });
});

const silent: Log = { write: () => {}, component: () => silent };

test('pages go from the newest to the oldest, each entry once', async () => {
  for (let at = 1; at <= 25; at++)
    await writeAudit(storage.db, {
      at,
      actor: at % 2 ? 'admin' : 'system',
      action: 'model.publish',
      subject: 'model:m',
      detail: { at },
    });
  const seen: number[] = [];
  for (let before: number | undefined; ; ) {
    const page = await queryAudit(storage.db, { limit: 10, ...(before !== undefined && { before }) });
    seen.push(...page.entries.map(({ at }) => at));
    if (page.next === null) break;
    before = page.next;
  }
  expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => 25 - index));
  const byAdmin = await queryAudit(storage.db, { actor: 'admin', subject: 'model:m', limit: 500 });
  expect(byAdmin.entries).toHaveLength(13);
  expect(byAdmin.entries[0]).toMatchObject({ actor: 'admin', detail: { at: 25 } });
  expect((await queryAudit(storage.db, { subject: 'model:other', limit: 1 })).entries).toEqual([]);
});

test.each([0, 501, 1.5, Number.NaN])('a limit of %s is refused', async (limit) => {
  await expect(queryAudit(storage.db, { limit })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('an entry rolls back with its transaction', async () => {
  const entry = { at: 1, actor: 'admin', action: 'a.b', subject: 's', detail: null };
  const failing = storage.transaction(async (tx) => {
    await writeAudit(tx, entry);
    throw new Error('on purpose');
  });
  await expect(failing).rejects.toThrow();
  expect((await queryAudit(storage.db, { limit: 10 })).entries).toEqual([]);
});

test('refusals of one device are written ten a minute, the rest are counted; others are not affected', async () => {
  const timers: (() => void)[] = [];
  const clock: Clock = {
    now: () => 5,
    monotonicMs: () => 5,
    setTimer: (_delayMs, callback) => {
      timers.push(callback);
      return { cancel: () => {} };
    },
  };
  const refusals = createRefusalAudit({ storage, clock, log: silent });
  for (let i = 0; i < 1_000; i++) refusals.refused('edge-1', 'refused.publish', { i });
  refusals.refused('edge-2', 'refused.publish', {});
  refusals.refused(null, 'refused.handshake', {});
  for (const timer of timers.splice(0)) timer();
  refusals.refused('edge-1', 'refused.publish', { i: 'next minute' });
  await refusals.settle();
  const { entries } = await queryAudit(storage.db, { subject: 'device:edge-1', limit: 500 });
  expect(entries.map(({ action }) => action)).toEqual([
    'refused.publish',
    'refusals.suppressed',
    ...Array.from({ length: 10 }, () => 'refused.publish'),
  ]);
  expect(entries[1]?.detail).toEqual({ count: 990, windowMs: 60_000 });
  expect((await queryAudit(storage.db, { subject: 'device:edge-2', limit: 500 })).entries).toHaveLength(1);
  expect((await queryAudit(storage.db, { subject: 'bus', limit: 500 })).entries).toHaveLength(1);
});
