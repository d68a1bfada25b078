import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, type Log, systemDisk } from '@covey/ports';
import type { DownKind } from '@covey/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openStorage, type Storage } from '../storage/index.ts';
import { createOutbox, type Outbox } from './index.ts';

const silent: Log = { write: () => {}, component: () => silent };

let folder: string;
let storage: Storage;
let outbox: Outbox;
let timers: { delayMs: number; callback: () => void }[];
let sent: { device: string; kind: DownKind; document: Record<string, unknown> }[];
let publish: (device: string) => Promise<void>;

const clock: Clock = {
  now: () => 777,
  monotonicMs: () => 777,
  setTimer: (delayMs, callback) => {
    const timer = { delayMs, callback };
    timers.push(timer);
    return { cancel: () => void timers.splice(timers.indexOf(timer), 1) };
  },
};
/** Runs what is due and waits until `count` messages have been sent in all. */
const fire = async (count: number) => {
  for (const { callback } of timers.splice(0)) callback();
  await vi.waitUntil(() => sent.length >= count);
};

beforeEach(async () => {
  timers = [];
  sent = [];
  publish = async () => {};
  folder = await mkdtemp(join(tmpdir(), 'covey-outbox-'));
  storage = await openStorage({ file: ':memory:', blobFolder: folder, disk: systemDisk });
  for (const id of ['edge-1', 'edge-2']) {
    const row = { id, tags: '{}', enrolled_at: 1 };
    await storage.db
      .insertInto('devices')
      .values({ ...row, desired: JSON.stringify({ generation: 3, now: 0 }) })
      .execute();
    const sequences = { device: id, up_to: 5, missing: '[2,3]', boot_id: 'b', rebirth: 0 };
    await storage.db.insertInto('sequences').values(sequences).execute();
  }
  const bus = {
    publish: (device: string, kind: DownKind, payload: Uint8Array) => {
      sent.push({ device, kind, document: JSON.parse(new TextDecoder().decode(payload)) });
      return publish(device);
    },
  };
  outbox = createOutbox({ storage, bus, clock, log: silent });
});
afterEach(async () => {
  await outbox.stop();
  await storage.close();
  await rm(folder, { recursive: true });
});

test('many wishes become one receipt, with what is stored when it is sent', async () => {
  for (let i = 0; i < 100; i++) outbox.wantReceipt('edge-1');
  expect(timers.map(({ delayMs }) => delayMs)).toEqual([200]);
  await storage.db
    .updateTable('sequences')
    .set({ up_to: 9, missing: '[]', rebirth: 1 })
    .where('device', '=', 'edge-1')
    .execute();
  await fire(1);
  expect(sent).toEqual([
    { device: 'edge-1', kind: 'receipt', document: { upTo: 9, missing: [], rebirth: true } },
  ]);
});

test('the desired state is sent with the time at which it is sent; a device without one gets nothing', async () => {
  await storage.db.updateTable('devices').set({ desired: null }).where('id', '=', 'edge-2').execute();
  outbox.wantDesired('edge-1');
  outbox.wantDesired('edge-2');
  outbox.wantDesired('nobody');
  await fire(1);
  expect(sent).toEqual([{ device: 'edge-1', kind: 'desired', document: { generation: 3, now: 777 } }]);
});

test('a revoked device is sent no desired state', async () => {
  await storage.db.updateTable('devices').set({ revoked_at: 1 }).where('id', '=', 'edge-1').execute();
  outbox.wantDesired('edge-1');
  outbox.wantDesired('edge-2');
  await fire(1);
  expect(sent.map(({ device }) => device)).toEqual(['edge-2']);
});

test('a slow device has one message on its way, holds up no other, and gets the newest afterwards', async () => {
  const stuck = Promise.withResolvers<void>();
  publish = (device) => (device === 'edge-1' ? stuck.promise : Promise.resolve());
  outbox.wantReceipt('edge-1');
  await fire(1);
  outbox.wantReceipt('edge-1');
  outbox.wantReceipt('edge-2');
  await fire(2);
  expect(sent.map(({ device }) => device)).toEqual(['edge-1', 'edge-2']);
  await storage.db.updateTable('sequences').set({ up_to: 50 }).execute();
  stuck.resolve();
  await vi.waitUntil(() => timers.length > 0);
  await fire(3);
  expect(sent[2]).toMatchObject({ device: 'edge-1', document: { upTo: 50 } });
});

test('a bus that fails is no reason to stop', async () => {
  publish = () => Promise.reject(new Error('gone'));
  outbox.wantReceipt('edge-1');
  await fire(1);
  publish = async () => {};
  outbox.wantReceipt('edge-1');
  await vi.waitUntil(() => timers.length > 0);
  await fire(2);
  expect(sent).toHaveLength(2);
});

test('nothing is sent after stop', async () => {
  outbox.wantReceipt('edge-1');
  await outbox.stop();
  outbox.wantReceipt('edge-2');
  expect(timers).toEqual([]);
  expect(sent).toEqual([]);
});
