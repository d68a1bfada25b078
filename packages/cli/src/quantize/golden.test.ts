import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GraphBuilder, type Model, modelSchema, type Sample, writeModel } from '@covey/onnx';
import { createExecution } from '@covey/runtime';
import { afterAll, expect, test } from 'vitest';
import { prove } from './golden.ts';
import type { Job } from './job.ts';
import { WorkFolder } from './work-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'covey-golden-'));
const execution = createExecution();
afterAll(() => {
  execution.close();
  rmSync(folder, { recursive: true });
});
const job: Job = { work: new WorkFolder(folder), execution, threads: 1, say: () => {} };

function negation(): Model {
  const builder = new GraphBuilder('negation');
  builder.input({ name: 'x', datatype: 'FP32', shape: [2] });
  builder.node('Neg', ['x'], 'y');
  builder.output({ name: 'y', datatype: 'FP32', shape: [2] });
  return builder.build();
}

const sample = (...numbers: number[]): Sample => ({
  x: { datatype: 'FP32', shape: [2], data: new Uint8Array(new Float32Array(numbers).buffer) },
});

function proofOn(heldOut: Sample[]) {
  const model = negation();
  const bytes = writeModel(model);
  const digested = { model, digest: job.work.keep(bytes), sizeBytes: bytes.byteLength };
  const about = { schema: modelSchema(model), classification: undefined };
  return prove(job, digested, { heldOut, calibration: [sample(1, 2)] }, about);
}

test('what is answered with NaN, or with infinities alone, is no golden vector', async () => {
  const masked = sample(1, Infinity);
  const { golden } = await proofOn([sample(NaN, 1), sample(Infinity, Infinity), masked, sample(3, 4)]);
  expect(golden.map(({ inputs }) => inputs)).toEqual([masked, sample(3, 4)]);
});

test('samples that prove nothing are refused', async () => {
  await expect(proofOn([sample(NaN, NaN), sample(NaN, NaN)])).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'output y: the model answers no finite value on the 2 held-out samples, so they prove nothing',
  });
  await expect(proofOn([sample(NaN, 1)])).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message:
      'none of the 1 held-out samples can be a golden vector: some output is NaN, or infinite alone, on each',
  });
});
