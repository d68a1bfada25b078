import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { addModel, countingModel, identityModel } from '../models.fixture.ts';
import type { Tensors } from '../tensors/index.ts';
import { createExecution, measureLatency, measurePeakMemory } from './index.ts';

const data = join(import.meta.dirname, '..', '..', '..', '..', '..', 'shared', 'data');
const execution = createExecution({ runTimeoutMs: 2_000 });
afterAll(() => execution.close());

const floats = (...values: number[]): Tensors => ({
  x: { datatype: 'FP32', shape: [values.length], data: new Uint8Array(new Float32Array(values).buffer) },
});
const times = (count: bigint): Tensors => ({
  x: { datatype: 'INT64', shape: [], data: bytesOf(BigInt64Array.of(count)) },
});
const bytesOf = ({ buffer }: BigInt64Array<ArrayBuffer>) => new Uint8Array(buffer);
const elements = ({ y }: Tensors) => [...new Float32Array(y?.data.slice().buffer ?? new ArrayBuffer())];

test('models run side by side; what is no model says so', async () => {
  const [one, two] = await Promise.all([1, 2].map((constant) => execution.load(addModel(constant, [-1]))));
  expect(elements((await one?.run(floats(1, 2, 3))) ?? {})).toEqual([2, 3, 4]);
  expect(elements((await two?.run(floats(1, 2, 3))) ?? {})).toEqual([3, 4, 5]);
  await expect(execution.load(new Uint8Array(9))).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: 'Load model from the model failed: Protobuf parsing failed.',
  });
  await expect(one?.run({})).rejects.toMatchObject({ code: 'INFERENCE_FAILED' });
  await one?.release();
  await expect(one?.run(floats(1))).rejects.toMatchObject({ code: 'INTERNAL' });
});

test('a run that never ends is given up, and the other models run on', async () => {
  const good = await execution.load(addModel(1, [-1]));
  const endless = await execution.load(countingModel());
  await expect(endless.run(times(2n ** 62n))).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    message: 'running a model took longer than 2000 ms',
  });
  const answers = await Promise.all([good.run(floats(1, 2, 3)), good.run(floats(4, 5, 6))]);
  expect(answers.map(elements)).toEqual([
    [2, 3, 4],
    [5, 6, 7],
  ]);
  expect((await endless.run(times(3n))).y?.data).toEqual(bytesOf(BigInt64Array.of(0n)));
});

test.skipIf(process.platform !== 'linux')('a crash costs the run that was on its way', async () => {
  const crashing = createExecution();
  const model = await crashing.load(countingModel());
  const run = model.run(times(2n ** 62n));
  const children = `/proc/${process.pid}/task/${process.pid}/children`;
  for (const pid of readFileSync(children, 'utf8').trim().split(' ')) process.kill(Number(pid), 'SIGSEGV');
  await expect(run).rejects.toMatchObject({
    code: 'RUNTIME_DIED',
    message: 'ONNX Runtime ended its process by SIGSEGV while running a model',
  });
  expect((await model.run(times(3n))).y?.data).toHaveLength(8);
  crashing.close();
});

test.skipIf(process.platform !== 'linux')(
  'when memory is short, the kernel ends the runner first',
  async () => {
    const running = createExecution();
    await running.load(addModel(1, [1]));
    const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
    for (const pid of children.trim().split(' '))
      expect(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8')).toBe('1000\n');
    running.close();
  },
);

test('closing ends what runs, and nothing starts again', async () => {
  const closing = createExecution();
  const endless = await closing.load(countingModel());
  const run = endless.run(times(2n ** 62n));
  closing.close();
  await expect(run).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
  await expect(endless.run(times(1n))).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
  await expect(closing.load(addModel(1, [1]))).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
});

test.skipIf(!existsSync(data))(
  'outputs that are no tensors are left out (skipped without ../shared/data)',
  async () => {
    const forest = await execution.load(readFileSync(join(data, 'models', 'iris-random-forest.onnx')));
    const petals = floats(5.1, 3.5, 1.4, 0.2).x;
    const outputs = await forest.run(petals ? { X: { ...petals, shape: [1, 4] } } : {});
    expect(Object.keys(outputs)).toEqual(['output_label']);
  },
);

test('latencies are taken in turns: every model as often, the slow one slower', async () => {
  const models = [identityModel('INT64', []), countingModel()];
  const options = { threads: 1, rounds: 20, limitMs: 10_000 };
  const [fast = [], slow = []] = await measureLatency(models, [times(20_000n)], options);
  expect([fast.length, slow.length]).toEqual([20, 20]);
  expect(slow.every((ms, round) => ms > (fast[round] ?? 0))).toBe(true);
  const [once] = await measureLatency(models, [times(1n)], { ...options, limitMs: 0 });
  expect(once).toHaveLength(1);
  await expect(measureLatency(models, [], options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('peak memory: what a model needs is over that of an empty process', async () => {
  const elementCount = 16 * 1024 * 1024;
  const big: Tensors = {
    x: { datatype: 'UINT8', shape: [elementCount], data: new Uint8Array(elementCount) },
  };
  const small: Tensors = { x: { datatype: 'UINT8', shape: [1], data: new Uint8Array(1) } };
  const model = identityModel('UINT8', [-1]);
  const [bigPeak, smallPeak] = [
    await measurePeakMemory(model, [big], { threads: 1 }),
    await measurePeakMemory(model, [small], { threads: 1 }),
  ];
  expect(smallPeak).toBeGreaterThan(0);
  expect(bigPeak - smallPeak).toBeGreaterThan(elementCount / 2);
});
