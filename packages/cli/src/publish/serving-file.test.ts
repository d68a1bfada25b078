import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readServingFile } from './serving-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'covey-serving-'));
const path = join(folder, 'serving.json');
afterAll(() => rmSync(folder, { recursive: true }));

const written = (document: unknown) => {
  writeFileSync(path, typeof document === 'string' ? document : JSON.stringify(document));
  return path;
};
const settings = { batching: { maxBatchSize: 8 }, idleUnloadMs: 60_000 };
const pipeline = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
  stages: [
    { kind: 'model', inputs: { x: 'x' }, outputs: { y: 'y' } },
    { kind: 'softmax', input: 'y', output: 'shares' },
  ],
  outputs: [{ name: 'shares', datatype: 'FP32', shape: [-1, 2] }],
};

test('settings and a pipeline, both or one of them', () => {
  const both = written({ format: 'covey-serving/1', settings, pipeline });
  expect(readServingFile(both)).toEqual({ serving: settings, pipeline });
  expect(readServingFile(written({ format: 'covey-serving/1', settings }))).toEqual({ serving: settings });
});

test.each<[string, unknown]>([
  ['nothing is known of settings.batching.maxBatchsize', { settings: { batching: { maxBatchsize: 8 } } }],
  [
    'nothing is known of pipeline.stages.1.axis',
    { pipeline: { ...pipeline, stages: [pipeline.stages[0], { ...pipeline.stages[1], axis: 1 }] } },
  ],
  ['pipeline.stages.0.kind', { pipeline: { ...pipeline, stages: [{ kind: 'resize' }] } }],
  ['settings.batching.maxBatchSize', { settings: { batching: { maxBatchSize: 0 } } }],
  ['serving', { serving: settings }],
])('what is wrong is named: %s', (words, document) => {
  const given = written({ format: 'covey-serving/1', ...(document as object) });
  expect(() => readServingFile(given)).toThrow(
    expect.objectContaining({ code: 'INVALID_DOCUMENT', message: expect.stringContaining(words) }),
  );
});

test('no JSON, another format, no file', () => {
  expect(() => readServingFile(written('{'))).toThrow(`${path} is not valid JSON`);
  expect(() => readServingFile(written({ format: 'covey-serving/2' }))).toThrow('format');
  expect(() => readServingFile(join(folder, 'absent.json'))).toThrow('cannot read');
});

test('broken JSON is told with the file and the place', () => {
  const broken = written('{"format": "covey-serving/1",\n "settings": {]}');
  expect(() => readServingFile(broken)).toThrow(
    expect.objectContaining({
      code: 'INVALID_DOCUMENT',
      message: expect.stringMatching(/serving\.json is not valid JSON: .*line 2 column \d+/),
    }),
  );
});
