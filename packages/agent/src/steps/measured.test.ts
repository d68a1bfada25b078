import { SimulatedDisk, simulatedWorld } from '@covey/ports/simulated';
import type { Measured } from '@covey/protocol';
import { expect, it } from 'vitest';
import { readMeasured, rememberMeasured } from './measured.ts';

const folder = '/state';
const measured = (hardware: string): Measured => ({ hardware, results: [] });

async function newDisk() {
  const disk = new SimulatedDisk(simulatedWorld('measured').random('disk'), 1e6);
  const port = disk.port(async (operation) => operation());
  await port.makeFolder(folder);
  return { disk, port };
}

it('remembers by bundle, the newer in place of the older', async () => {
  const { port } = await newDisk();
  expect(await readMeasured(port, folder)).toEqual({});
  await rememberMeasured(port, folder, { a: measured('1'), b: measured('1') });
  await rememberMeasured(port, folder, { a: measured('2') });
  expect(await readMeasured(port, folder)).toEqual({ a: measured('2'), b: measured('1') });
});

it('forgets what was measured longest ago', async () => {
  const { port } = await newDisk();
  for (let count = 0; count < 70; count++)
    await rememberMeasured(port, folder, { [`b${count}`]: measured('1') });
  await rememberMeasured(port, folder, { b10: measured('1') });
  const bundles = Object.keys(await readMeasured(port, folder));
  expect(bundles).toHaveLength(64);
  expect(bundles.slice(0, 2)).toEqual(['b6', 'b7']);
  expect(bundles.at(-1)).toBe('b10');
});

it('remembers nothing where any byte was damaged, and can be written again', async () => {
  const { disk, port } = await newDisk();
  await rememberMeasured(port, folder, { a: measured('1') });
  const sizeBytes = (await port.read(`${folder}/measured`))?.byteLength ?? 0;
  expect(sizeBytes).toBeGreaterThan(65);
  for (let offset = 0; offset < sizeBytes; offset++) {
    disk.damage(`${folder}/measured`, offset);
    expect(await readMeasured(port, folder)).toEqual({});
    disk.damage(`${folder}/measured`, offset);
  }
  disk.damage(`${folder}/measured`, 3);
  await rememberMeasured(port, folder, { b: measured('1') });
  expect(await readMeasured(port, folder)).toEqual({ b: measured('1') });
});
