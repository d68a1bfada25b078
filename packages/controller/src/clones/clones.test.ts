import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock, systemDisk } from '@covey/ports';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { queryAudit } from '../audit/index.ts';
import { openStorage, type Storage } from '../storage/index.ts';
import { type ClonePolicy, type Clones, createClones } from './index.ts';

let folder: string;
let storage: Storage;
let now: number;
let disconnected: string[];
const clock: Clock = { ...systemClock, now: () => now };

beforeEach(async () => {
  now = 1_000_000_000_000;
  disconnected = [];
  folder = await mkdtemp(join(tmpdir(), 'covey-clones-'));
  storage = await openStorage({ file: ':memory:', blobFolder: folder, disk: systemDisk });
  await storage.db.insertInto('devices').values({ id: 'edge-1', tags: '{}', enrolled_at: 1 }).execute();
});
afterEach(async () => {
  await storage.close();
  await rm(folder, { recursive: true });
});

const open = (policy: ClonePolicy) =>
  createClones({ storage, clock, policy, disconnect: (device) => disconnected.push(device) });
async function born(clones: Clones, bootId: string, nextSeq = 1): Promise<void> {
  const deviceClass = { os: 'linux', arch: 'x64', cpu: 'c', cores: 1, memoryBytes: 1, providers: [] };
  const birth = { bootId, nextSeq, at: 1, agentVersion: '0.1.0', deviceClass, tags: {} };
  await storage.transaction((tx) => clones.birth(tx, 'edge-1', birth));
  clones.settle(new Set(['edge-1']));
}
const device = () => storage.db.selectFrom('devices').selectAll().executeTakeFirstOrThrow();
const kinds = async () =>
  (await storage.db.selectFrom('events').select('kind').execute()).map(({ kind }) => kind);

it('reports a copy in the view, an event and the audit log, once an hour', async () => {
  const clones = open('report');
  for (const bootId of ['a', 'a', 'b', 'a', 'b', 'a']) await born(clones, bootId);
  expect(JSON.parse((await device()).clone ?? '')).toMatchObject({ at: now, evidence: 'returned-boot' });
  expect(await device()).toMatchObject({ refusal: null, revoked_at: null });
  expect(await kinds()).toEqual(['clone-detected']);
  const { entries } = await queryAudit(storage.db, { subject: 'device:edge-1', limit: 10 });
  expect(entries).toMatchObject([{ actor: 'system', action: 'device.clone', detail: { policy: 'report' } }]);
  now += 3_600_000;
  await born(clones, 'a');
  expect(await kinds()).toEqual(['clone-detected', 'clone-detected']);
  expect(disconnected).toEqual([]);
});

it('puts a copied device into quarantine where that is the policy, and ends its connections', async () => {
  const clones = open('quarantine');
  for (const bootId of ['a', 'b', 'a', 'b']) await born(clones, bootId);
  expect(await device()).toMatchObject({ refusal: 'quarantined', revoked_at: now });
  expect(disconnected).toEqual(['edge-1']);
  expect(await kinds()).toEqual(['clone-detected']);
});

it('quarantines also what was reported before the policy was changed', async () => {
  const reporting = open('report');
  for (const bootId of ['a', 'b', 'a']) await born(reporting, bootId);
  await born(open('quarantine'), 'a');
  expect((await device()).refusal).toBe('quarantined');
});

it('takes an old certificate for a sign, and of nobody for none', async () => {
  await open('report').superseded('edge-1', 'a later certificate is in use');
  expect(JSON.parse((await device()).clone ?? '')).toMatchObject({ evidence: 'superseded-certificate' });
  await open('report').superseded('nobody', 'x');
  expect(await kinds()).toEqual(['clone-detected']);
});

it('tells of an outbox that went back, and remembers a bounded number of starts', async () => {
  const clones = open('report');
  for (let boot = 0; boot < 50; boot++) await born(clones, `boot-${boot}`);
  expect(await storage.db.selectFrom('boots').selectAll().execute()).toHaveLength(32);
  const sequences = { device: 'edge-1', up_to: 9, missing: '[]', boot_id: 'b', rebirth: 0 };
  await storage.db.insertInto('sequences').values(sequences).execute();
  // After a reset another machine may have the id.
  await born(clones, 'of another machine', 1);
  expect(await kinds()).toEqual([]);
  await storage.db.updateTable('devices').set({ birth: '{}' }).execute();
  await born(clones, 'anew', 1);
  expect(await kinds()).toEqual(['outbox-went-back']);
  expect((await device()).clone).toBeNull();
});
