import { mkdtempSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WorkFolder } from './work-folder.ts';

const newFolder = () => mkdtempSync(join(tmpdir(), 'covey-work-'));

/** A step that counts how often it runs. */
function counted(inputs: unknown) {
  const runs = { count: 0 };
  return { runs, step: { name: 'count', inputs, run: async () => ({ value: ++runs.count }) } };
}

test('a step runs once for its inputs, in this process and the next', async () => {
  const folder = newFolder();
  const { runs, step } = counted({ a: 1, b: [2] });
  expect(await new WorkFolder(folder).perform(step)).toEqual({ found: { value: 1 }, isNew: true });
  expect(await new WorkFolder(folder).perform({ ...step, inputs: { b: [2], a: 1 } })).toEqual({
    found: { value: 1 },
    isNew: false,
  });
  await new WorkFolder(folder).perform({ ...step, inputs: { a: 2, b: [2] } });
  await new WorkFolder(folder).perform({ ...step, name: 'other' });
  expect(runs.count).toBe(3);
});

test('a step that fails is not kept', async () => {
  const work = new WorkFolder(newFolder());
  const failing = { name: 'count', inputs: 1, run: () => Promise.reject(new Error('no')) };
  await expect(work.perform(failing)).rejects.toThrow('no');
  expect(await work.perform(counted(1).step)).toMatchObject({ isNew: true });
});

test('what was damaged is done again, and a half-written file is none', async () => {
  const folder = newFolder();
  const { runs, step } = counted(1);
  await new WorkFolder(folder).perform(step);
  const [name = ''] = readdirSync(folder);
  truncateSync(join(folder, name), 5);
  writeFileSync(join(folder, `${name}.new`), '{"found":');
  expect(await new WorkFolder(folder).perform(step)).toEqual({ found: { value: 2 }, isNew: true });
  expect(runs.count).toBe(2);
});

test.each([
  'null',
  '{"found":null}',
  '3',
  '{"found":{"value":9}}',
  `${'0'.repeat(64)}\n{"found":{"value":9}}`,
])('what another wrote is not believed: %s', async (text) => {
  const folder = newFolder();
  const { step } = counted(1);
  await new WorkFolder(folder).perform(step);
  const [name = ''] = readdirSync(folder);
  writeFileSync(join(folder, name), text);
  expect(await new WorkFolder(folder).perform(step)).toEqual({ found: { value: 2 }, isNew: true });
});

test('bytes come back by their digest; changed or removed ones are refused', () => {
  const folder = newFolder();
  const work = new WorkFolder(folder);
  const digest = work.keep(Uint8Array.of(1, 2, 3));
  expect(Uint8Array.from(work.bytes(digest))).toEqual(Uint8Array.of(1, 2, 3));
  writeFileSync(join(folder, `${digest}.onnx`), 'else');
  expect(() => work.bytes(digest)).toThrow('is damaged');
  expect(() => work.bytes('0'.repeat(64))).toThrow('is gone');
});

test('the state of an unfinished step is kept apart from what it finds', async () => {
  const folder = newFolder();
  const { step } = counted(1);
  expect(new WorkFolder(folder).unfinished(step)).toBeUndefined();
  new WorkFolder(folder).leaveUnfinished(step, { steps: [1, 2] });
  expect(new WorkFolder(folder).unfinished(step)).toEqual({ steps: [1, 2] });
  expect(await new WorkFolder(folder).perform(step)).toMatchObject({ isNew: true });
});
