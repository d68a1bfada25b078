import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeParcelHead, sha256 } from '@covey/bundle';
import { type Disk, type Log, systemDisk } from '@covey/ports';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { installParcel, sweepInbox } from './install.ts';

let root: string;
let device: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'covey-install-'));
  device = join(root, 'device');
  newDevice();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function newDevice(): void {
  rmSync(device, { recursive: true, force: true });
  mkdirSync(device);
  writeFileSync(join(device, 'covey.json'), JSON.stringify({ format: 'covey-data/1', kind: 'device' }));
}

function parcel(version: string): string {
  const path = join(root, version);
  const ref = { model: 'bearing', version, number: 1, bundle: 'a'.repeat(64) };
  writeFileSync(path, encodeParcelHead({ ref, files: [] }));
  return path;
}

const inbox = () => readdirSync(join(device, 'inbox'));

/** A disk whose power is cut before or after one of its changes: none follows, not even of what cleans up. */
function dyingDisk(cutAt: number, when: 'before' | 'after'): { disk: Disk; isCut: () => boolean } {
  let changes = 0;
  const dying =
    <Args extends unknown[]>(change: (...args: Args) => Promise<void>) =>
    async (...args: Args) => {
      changes++;
      if (changes > cutAt || (changes === cutAt && when === 'before')) throw new Error('the power is cut');
      await change(...args);
      if (changes === cutAt) throw new Error('the power is cut');
    };
  const { rename, remove } = systemDisk;
  return {
    disk: { ...systemDisk, rename: dying(rename), remove: dying(remove) },
    isCut: () => changes >= cutAt,
  };
}

test('a parcel takes the place of the one before', async () => {
  await installParcel(systemDisk, parcel('1.0.0'), device);
  const [first] = inbox();
  await installParcel(systemDisk, parcel('2.0.0'), device);
  expect(inbox()).toHaveLength(1);
  expect(inbox()).not.toEqual([first]);
  await installParcel(systemDisk, parcel('2.0.0'), device);
  expect(inbox()).toHaveLength(1);
});

const weights = Buffer.from('weights');

test.each([
  ['a chunk', { path: `/chunks/${sha256(weights)}` }],
  ['metadata', { path: '/trust/timestamp.json', sha256: sha256(weights) }],
])(
  'a parcel in which %s was damaged on its way is refused, and the one before stays',
  async (_what, file) => {
    await installParcel(systemDisk, parcel('1.0.0'), device);
    const before = inbox();
    const files = [{ ...file, sizeBytes: weights.byteLength }];
    const ref = { model: 'bearing', version: '2.0.0', number: 2, bundle: 'b'.repeat(64) };
    const path = join(root, 'stick');
    const write = (content: Uint8Array) =>
      writeFileSync(path, Buffer.concat([encodeParcelHead({ ref, files }), content]));
    write(Buffer.from('weighty'));
    await expect(installParcel(systemDisk, path, device)).rejects.toMatchObject({
      code: 'DATA_CORRUPT',
      message: expect.stringContaining(`(${file.path}): copy it again`),
    });
    expect(inbox()).toEqual(before);
    write(weights);
    expect(await installParcel(systemDisk, path, device)).toMatchObject({ version: '2.0.0' });
  },
);

test('at whichever change the power is cut, a parcel lies there, the new one last, and the next try leaves its own alone', async () => {
  for (const when of ['before', 'after'] as const)
    for (let cutAt = 1; ; cutAt++) {
      newDevice();
      await installParcel(systemDisk, parcel('1.0.0'), device);
      const [first] = inbox();
      const { disk, isCut } = dyingDisk(cutAt, when);
      const installing = installParcel(disk, parcel('2.0.0'), device);
      await installing.catch((error: Error) => expect(error.message).toBe('the power is cut'));
      const parcels = inbox().filter((name) => name.endsWith('.parcel'));
      expect(parcels.length).toBeGreaterThan(0);
      if (parcels.length > 1) expect(parcels.indexOf(first ?? '')).toBe(0);
      await installParcel(systemDisk, parcel('2.0.0'), device);
      expect(inbox()).toHaveLength(1);
      expect(inbox()).not.toEqual([first]);
      if (!isCut()) break;
      expect(cutAt).toBeLessThan(10);
    }
});

test('one at a time: a second one is told so, and spoils nothing of the first', async () => {
  const outcomes = await Promise.allSettled(
    ['1.0.0', '2.0.0', '3.0.0'].map((version) => installParcel(systemDisk, parcel(version), device)),
  );
  const [first, ...others] = outcomes.sort((a, b) => (a.status < b.status ? -1 : 1));
  expect(first?.status).toBe('fulfilled');
  for (const other of others)
    expect(other).toMatchObject({ status: 'rejected', reason: { code: 'DATA_LOCKED' } });
  expect(inbox()).toHaveLength(1);
  await installParcel(systemDisk, parcel('4.0.0'), device);
  expect(inbox()).toHaveLength(1);
});

const quiet: Log = { write: () => {}, component: () => quiet };

test('an agent that starts at whichever step of a copy leaves it alone', async () => {
  let sweeps = 0;
  const sweepFirst =
    <Args extends unknown[], Result>(step: (...args: Args) => Promise<Result>) =>
    async (...args: Args) => {
      await sweepInbox(systemDisk, quiet, device);
      sweeps++;
      return step(...args);
    };
  const { list, readRange, rename } = systemDisk;
  const disk = {
    ...systemDisk,
    ...{ list: sweepFirst(list), readRange: sweepFirst(readRange), rename: sweepFirst(rename) },
  };
  await installParcel(disk, parcel('1.0.0'), device);
  expect(sweeps).toBeGreaterThan(3);
  expect(inbox()).toEqual([expect.stringMatching(/\.parcel$/)]);
});

test('a copy that was cut off is swept away when an agent starts, whole parcels are not', async () => {
  await sweepInbox(systemDisk, quiet, device);
  await installParcel(systemDisk, parcel('1.0.0'), device);
  const before = inbox();
  writeFileSync(join(device, 'inbox', 'arriving.tmp'), 'half a parcel');
  await sweepInbox(systemDisk, quiet, device);
  expect(inbox()).toEqual(before);
});

test('an inbox that cannot be swept keeps no agent from starting, and is told of', async () => {
  mkdirSync(join(device, 'inbox', 'arriving.tmp'), { recursive: true });
  writeFileSync(
    join(device, 'inbox.lock'),
    'no lock of ours, and longer than the head of a database of SQLite'.repeat(9),
  );
  const lines: unknown[] = [];
  await sweepInbox(
    systemDisk,
    { ...quiet, write: (level, _message, fields) => lines.push([level, fields]) },
    device,
  );
  expect(lines).toEqual([['warn', { code: 'DATA_CORRUPT' }]]);
});

test('what is not there, or no file, is NOT_FOUND', async () => {
  for (const path of [join(root, 'none'), root, '/dev/null'])
    await expect(installParcel(systemDisk, path, device)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(inbox()).toEqual([]);
});

test('what is no parcel leaves the one that is there, and nothing of its own', async () => {
  await installParcel(systemDisk, parcel('1.0.0'), device);
  const before = inbox();
  const path = join(root, 'photo');
  writeFileSync(path, 'no parcel');
  await expect(installParcel(systemDisk, path, device)).rejects.toMatchObject({ code: 'WIRE_MALFORMED' });
  expect(inbox()).toEqual(before);
});
