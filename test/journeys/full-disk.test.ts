import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { MetricsAnswer } from '@covey/protocol/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder, until } from './harness.ts';
import { startLoad } from './load.ts';
import { publishScaling } from './scaling-model.ts';
import { type StandingDevice, type StandingFleet, startStandingFleet } from './standing-fleet.ts';

const mebibyte = 1024 * 1024;

/** Makes `folder` a disk of its own; false where that is not permitted. */
function mountDisk(folder: string, sizeBytes: number): boolean {
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    // Not root, or in a container that may not: the journey is skipped, and says so.
    return false;
  }
}

const data = temporaryFolder();
const controllerDisk = join(data, 'controller');
const deviceDisk = join(data, 'devices', 'edge-1');
const mounted = [controllerDisk, deviceDisk].filter((folder) => mountDisk(folder, 64 * mebibyte));
const canMount = mounted.length === 2;

/**
 * Takes what is left of a disk but for `leftBytes`; the returned function gives it back. Others write to the disk
 * meanwhile, so that what `statfs` calls free may be gone at the write: the end of the room is found by reaching it.
 */
function fill(disk: string, leftBytes = 0): () => void {
  const path = join(disk, 'ballast');
  const file = openSync(path, 'w');
  const chunk = Buffer.alloc(64 * 1024);
  try {
    for (let size = chunk.length; size >= 1; ) {
      const { bavail, bsize } = statfsSync(disk);
      if (leftBytes > 0 && bavail * bsize <= leftBytes) break;
      try {
        writeSync(file, chunk, 0, size);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
        size = Math.floor(size / 2);
      }
    }
  } finally {
    closeSync(file);
  }
  return () => rmSync(path);
}

describe.skipIf(!canMount)('a full disk (skipped where no disk may be mounted)', () => {
  let fleet: StandingFleet;
  let device: StandingDevice;
  beforeAll(async () => {
    fleet = await startStandingFleet(1, data);
    const [only] = fleet.devices;
    if (!only) throw new Error('the fleet has a device');
    device = only;
    await publishScaling(fleet, '1.0.0');
    await fleet.install('1.0.0');
  });
  afterAll(() =>
    fleet.stop(() => {
      for (const folder of mounted) execFileSync('umount', [folder]);
    }),
  );

  /** Requests in the metrics that the controller has. */
  async function requestsSince(from: number): Promise<number> {
    const { totals } = await fleet.client.call({
      method: 'GET',
      path: '/metrics',
      query: { model: 'scaling', from, to: from + 3_600_000 },
      answer: MetricsAnswer,
    });
    return totals.reduce((sum, total) => sum + total.requests, 0);
  }

  test('of the controller: nothing is half published, devices serve, and what they measured arrives when there is room', async () => {
    const load = startLoad(device.inferenceUrl, 'scaling', { connections: 1 });
    const from = Date.now();
    const free = fill(controllerDisk);
    await expect(publishScaling(fleet, '1.1.0', { ballastBytes: mebibyte })).rejects.toMatchObject({
      code: 'DISK_FULL',
    });
    await until('telemetry that cannot be stored', async () =>
      fleet.controller.log().includes('cannot store a message') ? true : undefined,
    );
    expect((await device.view()).reported?.serving[0]?.version).toBe('1.0.0');
    await load.answerOf('1.0.0');
    free();
    expect((await publishScaling(fleet, '1.1.0', { ballastBytes: mebibyte })).number).toBe(2);
    const { id } = await fleet.roll('1.1.0');
    expect((await fleet.settled(id)).state).toBe('succeeded');
    const { answers, failures } = await load.stop();
    expect(failures).toEqual({});
    const answered = Object.values(answers).reduce((sum, count) => sum + count, 0);
    const counted = await until('metrics of every answer', async () => {
      const requests = await requestsSince(from);
      return requests >= answered ? requests : undefined;
    });
    expect(counted).toBe(answered);
  });

  test('of a device, to the last byte: the version before serves, and the update begins when there is room', async () => {
    const load = startLoad(device.inferenceUrl, 'scaling', { connections: 1 });
    const free = fill(deviceDisk);
    await publishScaling(fleet, '1.2.0');
    const { id } = await fleet.roll('1.2.0');
    await until('the device to say that its disk is full', async () =>
      device.service.log().includes('DISK_FULL') ? true : undefined,
    );
    await load.answerOf('1.1.0');
    free();
    const rollout = await fleet.settled(id);
    expect(rollout.state, JSON.stringify(rollout)).toBe('succeeded');
    await load.answerOf('1.2.0');
    const { answers, failures } = await load.stop();
    expect([Object.keys(answers).sort(), failures]).toEqual([['1.1.0', '1.2.0'], {}]);
  });

  test('of a device, down to its reserve: the update waits and says so, and goes on when there is room', async () => {
    const load = startLoad(device.inferenceUrl, 'scaling', { connections: 1 });
    const free = fill(deviceDisk, 16 * mebibyte);
    // What lies on the disk already needs no room.
    await publishScaling(fleet, '1.3.0', { ballastBytes: mebibyte });
    const { id } = await fleet.roll('1.3.0');
    await until('the report that it waits', async () =>
      (await device.view()).reported?.state === 'deferred' ? true : undefined,
    );
    expect((await device.view()).reported).toMatchObject({
      reason: { code: 'DISK_FULL' },
      serving: [{ version: '1.2.0' }],
    });
    await load.answerOf('1.2.0');
    expect((await load.stop()).failures).toEqual({});
    free();
    // It tries again every minute by itself, and at once after a start.
    await device.restart('SIGTERM');
    const again = startLoad(device.inferenceUrl, 'scaling', { connections: 1 });
    const rollout = await fleet.settled(id);
    expect(rollout.state, JSON.stringify(rollout)).toBe('succeeded');
    await again.answerOf('1.3.0');
    await again.stop();
  });
});
