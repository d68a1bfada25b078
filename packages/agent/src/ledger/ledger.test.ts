import { SimulatedDisk, simulatedWorld } from '@covey/ports/simulated';
import { describe, expect, it } from 'vitest';
import { initialUpdate } from '../update/index.ts';
import { openLedger } from './ledger.ts';

const folder = '/state';

function newDisk() {
  const disk = new SimulatedDisk(simulatedWorld('ledger').random('disk'), 1e6);
  const port = disk.port(async (operation) => operation());
  return { disk, port };
}

describe('the ledger', () => {
  it('begins idle, and reads back what was saved last', async () => {
    const { port } = newDisk();
    await port.makeFolder(folder);
    const ledger = await openLedger(port, folder);
    expect(ledger.update).toEqual(initialUpdate);
    for (let accepted = 1; accepted <= 5; accepted++) {
      await ledger.save({ ...initialUpdate, accepted }, accepted * 10);
      const again = await openLedger(port, folder);
      expect([again.update.accepted, again.at]).toEqual([accepted, accepted * 10]);
    }
  });

  it('falls back to the write before, whichever byte of the newest is damaged', async () => {
    const { disk, port } = newDisk();
    await port.makeFolder(folder);
    const ledger = await openLedger(port, folder);
    await ledger.save({ ...initialUpdate, accepted: 1 }, 1);
    await ledger.save({ ...initialUpdate, accepted: 2 }, 2);
    const newest = `${folder}/ledger-a`;
    const sizeBytes = (await port.read(newest))?.byteLength ?? 0;
    for (let offset = 0; offset < sizeBytes; offset++) {
      disk.damage(newest, offset);
      const again = await openLedger(port, folder);
      expect(again.update.accepted).toBe(1);
      expect(again.damaged).toEqual([newest]);
      disk.damage(newest, offset);
    }
    expect((await openLedger(port, folder)).update.accepted).toBe(2);
  });

  it('starts anew when both are damaged, and does not read what a newer Covey wrote', async () => {
    const { disk, port } = newDisk();
    await port.makeFolder(folder);
    const ledger = await openLedger(port, folder);
    await ledger.save({ ...initialUpdate, accepted: 1 }, 1);
    await ledger.save({ ...initialUpdate, accepted: 2 }, 2);
    for (const path of disk.paths()) disk.damage(path, 100);
    const anew = await openLedger(port, folder);
    expect([anew.update.accepted, anew.damaged.length]).toEqual([0, 2]);
    const json = JSON.stringify({ format: 'covey-ledger/2', generation: 9, document: {} });
    const { createHash } = await import('node:crypto');
    const sum = createHash('sha256').update(json).digest('hex');
    await port.write(`${folder}/ledger-a`, Buffer.from(`${sum}\n${json}`));
    await expect(openLedger(port, folder)).rejects.toMatchObject({ code: 'DATA_NEWER' });
  });
});
