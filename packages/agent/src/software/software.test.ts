import { SimulatedDisk, simulatedWorld } from '@covey/ports/simulated';
import { CoveyError } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BootRecord,
  encodeBootRecord,
  firstRecord,
  parseBootRecord,
  type SlotName,
  slotNames,
} from './boot-record.ts';
import { openSoftware, type Software } from './software.ts';

const folder = '/data/software';
const [old, next] = ['a'.repeat(64), 'b'.repeat(64)];

const record = fc.record<BootRecord>({
  slot: fc.constantFrom(...slotNames),
  trial: fc.option(fc.record({ slot: fc.constantFrom(...slotNames), startsLeft: fc.nat(3) })),
});

describe('the boot record', () => {
  it('comes back as it was written, and as the first one where any byte of it is another', () => {
    fc.assert(
      fc.property(record, fc.nat(), fc.integer({ min: 1, max: 255 }), (written, at, flip) => {
        const bytes = encodeBootRecord(written);
        expect(parseBootRecord(bytes)).toEqual(written);
        const damaged = Uint8Array.from(bytes);
        const index = at % bytes.byteLength;
        damaged[index] = (damaged[index] ?? 0) ^ flip;
        expect(parseBootRecord(damaged)).toEqual(firstRecord);
        expect(parseBootRecord(bytes.subarray(0, index))).toEqual(firstRecord);
      }),
    );
  });

  it('is the first one where the file holds anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(parseBootRecord(bytes)).toEqual(firstRecord);
      }),
    );
  });
});

/** A machine whose launcher does what launch.sh does; that the two agree is shown in launch.test.ts. */
async function machine() {
  const disk = new SimulatedDisk(simulatedWorld(1).random('disk'), 1e6);
  const port = disk.port(async (operation) => operation());
  await port.makeFolder('/data');
  const tested: string[] = [];
  const state = { slot: 'installed' as SlotName, isRestarted: false, isBad: false };
  const boot = async (instead?: SlotName): Promise<Software> => {
    const { slot, trial } = parseBootRecord(await port.read(`${folder}/boot`));
    state.slot = slot;
    if (trial && trial.startsLeft > 0) {
      const counted = { slot, trial: { ...trial, startsLeft: trial.startsLeft - 1 } };
      await port.write(`${folder}/boot`, encodeBootRecord(counted));
      state.slot = trial.slot;
    }
    if (instead) state.slot = instead;
    state.isRestarted = false;
    return openSoftware(port, folder, {
      slot: state.slot,
      platform: 'linux-x64',
      unpack: async (archive, into) => port.write(`${into}/program`, Buffer.from(archive)),
      test: async (path) => {
        tested.push(path);
      },
      restart: () => {
        state.isRestarted = true;
      },
    });
  };
  return { disk, port, boot, state, tested };
}

const { signal } = new AbortController();
const archive = async () => 'archive';

async function settledOn(bundle: string) {
  const device = await machine();
  const first = await device.boot();
  await first.prepare(bundle, archive, signal);
  await first.start(bundle, { isTrial: true });
  const second = await device.boot();
  await second.confirm();
  return { ...device, software: second };
}

describe('software in its slots', () => {
  it('is laid out anew where the launcher found it damaged, once until it has lasted', async () => {
    const device = await settledOn(old);
    const first = await device.boot();
    await first.prepare(next, archive, signal);
    await first.start(next, { isTrial: true });
    await (await device.boot()).confirm();
    expect(String(await device.port.read(`${folder}/a/good`))).toBe(old);
    /** As the launcher does, which then starts the other slot. */
    const rot = async () => {
      await device.port.rename(`${folder}/b/bundle`, `${folder}/b/damaged`);
      return device.boot('a');
    };
    const standIn = await rot();
    expect(standIn).toMatchObject({ running: old, damaged: [next] });
    await standIn.layOut(next, archive);
    await standIn.start(next, { isTrial: false });
    expect(await device.boot()).toMatchObject({ running: next, isConfirmed: true, damaged: [] });
    const again = await rot();
    await expect(again.layOut(next, archive)).rejects.toMatchObject({ code: 'SOFTWARE_FAILED' });
    await device.port.rename(`${folder}/b/damaged`, `${folder}/b/bundle`);
    await (await device.boot('b')).lasted();
    await (await rot()).layOut(next, archive);
  });

  it('stays where it is damaged and its archive is too', async () => {
    const device = await settledOn(old);
    await device.port.rename(`${folder}/a/bundle`, `${folder}/a/damaged`);
    const standIn = await device.boot('installed');
    const broken = async () => Promise.reject(new CoveyError('BUNDLE_CORRUPT', 'damaged'));
    await expect(standIn.layOut(old, broken)).rejects.toMatchObject({ code: 'BUNDLE_CORRUPT' });
    expect(await device.boot('installed')).toMatchObject({ damaged: [old] });
  });

  it('is tried, confirmed and followed by the next one in the other slot', async () => {
    const device = await settledOn(old);
    expect(device.software).toMatchObject({ running: old, isConfirmed: true });
    await device.software.prepare(next, archive, signal);
    expect(device.tested).toEqual([`${folder}/a`, `${folder}/b`]);
    await device.software.start(next, { isTrial: true });
    expect(device.state.isRestarted).toBe(true);
    const tried = await device.boot();
    expect(tried).toMatchObject({ running: next, isConfirmed: false });
    await tried.confirm();
    expect(await device.boot()).toMatchObject({ running: next, isConfirmed: true });
  });

  it('is given three starts, then the one before runs and says so; a new trial begins anew', async () => {
    const device = await settledOn(old);
    await device.software.prepare(next, archive, signal);
    await device.software.start(next, { isTrial: true });
    for (let start = 1; start <= 3; start++) expect((await device.boot()).running).toBe(next);
    const back = await device.boot();
    expect(back).toMatchObject({ running: old, isConfirmed: false });
    await expect(back.start(next, { isTrial: true })).rejects.toMatchObject({ code: 'SOFTWARE_FAILED' });
    await back.prepare(next, archive, signal);
    await back.start(next, { isTrial: true });
    expect((await device.boot()).running).toBe(next);
  });

  it('goes back to what the device was installed with, and cannot start what lies nowhere', async () => {
    const device = await settledOn(old);
    await expect(device.software.start(next, { isTrial: false })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await device.software.start(null, { isTrial: false });
    expect(await device.boot()).toMatchObject({ running: null, isConfirmed: true });
  });

  it('does not ask a launcher again that started something else: the agent would be restarted for ever', async () => {
    const device = await settledOn(old);
    // The slot is whole for the agent, but nothing in it can be executed.
    await device.software.start(null, { isTrial: false });
    device.state.isRestarted = false;
    await expect(device.software.start(null, { isTrial: false })).rejects.toMatchObject({
      code: 'SOFTWARE_FAILED',
    });
    expect(device.state.isRestarted).toBe(false);
  });

  it('is laid out again where a later one took its slot', async () => {
    const device = await settledOn(old);
    const third = 'c'.repeat(64);
    for (const bundle of [next, third]) {
      const software = await device.boot();
      await software.prepare(bundle, archive, signal);
      await software.start(bundle, { isTrial: true });
      await (await device.boot()).confirm();
    }
    const software = await device.boot();
    await software.layOut(old, archive);
    await software.start(old, { isTrial: false });
    expect(await device.boot()).toMatchObject({ running: old, isConfirmed: true });
  });

  it('starts whole software at whichever change to the disk the power is cut, and can be updated again', async () => {
    for (const moment of ['cut-before', 'cut-during', 'cut-after'] as const) {
      for (let cutAt = 1; ; cutAt++) {
        const device = await settledOn(old);
        const until = device.disk.changes + cutAt;
        let isCut = false;
        device.disk.fault = (change) => (change === until ? moment : 'none');
        device.disk.onCut = () => {
          isCut = true;
          device.disk.powerCut();
        };
        const update = async () => {
          await device.software.prepare(next, archive, signal);
          await device.software.start(next, { isTrial: true });
          await (await device.boot()).confirm();
        };
        await update().catch((error: Error) => expect(error.message).toBe('the power is cut'));
        device.disk.fault = () => 'none';
        const after = await device.boot();
        expect([old, next]).toContain(after.running);
        if (after.running === old) {
          await after.prepare(next, archive, signal);
          await after.start(next, { isTrial: true });
          expect((await device.boot()).running).toBe(next);
        }
        if (!isCut) break;
        expect(cutAt).toBeLessThan(50);
      }
    }
  });
});
