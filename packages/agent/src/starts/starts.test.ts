import { SimulatedDisk, simulatedWorld } from '@covey/ports/simulated';
import { expect, it } from 'vitest';
import { countStart, noteLasted } from './starts.ts';

const folder = '/data/state';

async function newDisk() {
  const disk = new SimulatedDisk(simulatedWorld(1).random('disk'), 1e6);
  const port = disk.port(async (operation) => operation());
  await port.makeFolder(folder);
  return { disk, port };
}

it('counts all starts, and those in a row that did not last, through power cuts', async () => {
  const { disk, port } = await newDisk();
  for (let start = 1; start <= 3; start++) {
    expect(await countStart(port, folder)).toEqual({ starts: start, inRow: start });
    disk.powerCut();
  }
  await noteLasted(port, folder);
  expect(await countStart(port, folder)).toEqual({ starts: 4, inRow: 1 });
});

it('writes nothing when there is nothing to note', async () => {
  const { disk, port } = await newDisk();
  await noteLasted(port, folder);
  expect(disk.changes).toBe(1);
});

it('counts from 0 where the file is damaged, and says when the disk is full', async () => {
  const { disk, port } = await newDisk();
  await countStart(port, folder);
  disk.damage(`${folder}/starts`, 0);
  expect(await countStart(port, folder)).toEqual({ starts: 1, inRow: 1 });
  disk.capacityBytes = disk.usedBytes;
  await expect(countStart(port, folder)).rejects.toMatchObject({ code: 'DISK_FULL' });
});
