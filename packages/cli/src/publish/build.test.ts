import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GraphBuilder, writeModel } from '@covey/onnx';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildVersion, creationTime } from './build.ts';
import { readServingFile } from './serving-file.ts';
import { openSource } from './version-source.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'covey-build-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function writeAdder(path: string): void {
  const graph = new GraphBuilder('add');
  graph.input({ name: 'x', datatype: 'FP32', shape: [-1, 4] });
  const bias = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  graph.initializer('bias', { datatype: 'FP32', shape: [4], data: bias });
  graph.node('Add', ['x', 'bias'], 'y');
  graph.output({ name: 'y', datatype: 'FP32', shape: [-1, 4] });
  writeFileSync(path, writeModel(graph.build()));
}

/** All that `covey model push` does before it signs. */
async function built(path: string, servingFile: string, createdAt: string) {
  const source = openSource(path, { classes: 'a,b,c,d' });
  const content = await source.content({ model: 'adder', version: '1.0.0' }, () => {});
  return buildVersion({
    ...{ model: 'adder', version: '1.0.0', createdAt, securityCounter: 0 },
    ...content,
    ...readServingFile(servingFile),
  });
}

test('the same files give the same bundle, golden vectors included, at any time and in any folder', async () => {
  const needs = {
    requirements: { memoryBytes: 64_000_000, agentVersion: '0.1.0' },
    provides: ['sums'],
    depends: [{ name: 'faces', version: '1.0.0' }],
  };
  const paths = ['one', 'two'].map((name) => {
    writeAdder(join(folder, `${name}.onnx`));
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ format: 'covey-serving/1', ...needs }));
    return join(folder, name);
  });
  const createdAt = creationTime('1767225600', Date.now());
  const [one, two] = await Promise.all(paths.map((path) => built(`${path}.onnx`, `${path}.json`, createdAt)));
  if (!one || !two) throw new Error('both were built');
  expect(one.digest).toBe(two.digest);
  expect(one.manifestBytes).toEqual(two.manifestBytes);
  expect([...one.chunks.keys()]).toEqual([...two.chunks.keys()]);
  expect(one.manifest).toMatchObject({
    ...needs,
    golden: 'golden.bin',
    createdAt: '2026-01-01T00:00:00.000Z',
  });
  expect(Object.keys(one.manifest.variants[0]?.requirements?.opsets ?? {})).toEqual(['']);
});

test('the time of creation is now, or what the environment says', () => {
  expect(creationTime(undefined, 1_767_225_600_500)).toBe('2026-01-01T00:00:00.500Z');
  expect(creationTime('0', 1)).toBe('1970-01-01T00:00:00.000Z');
  expect(() => creationTime('yesterday', 1)).toThrow('SOURCE_DATE_EPOCH is no time in seconds: yesterday');
});
