import { streamLog, systemClock } from '@covey/ports';
import { CoveyError, type Datatype, datatypes, elementBytes, type Tensor } from '@covey/protocol';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Executor, type ExecutorOptions, threadExecutors } from '../executor/index.ts';
import { countingModel, identityModel, modelFolder, schemaOf } from '../models.fixture.ts';
import type { Thread, ThreadListener } from '../platform/index.ts';
import { decodeTexts, encodeTexts } from '../tensors/index.ts';
import { nodePlatform, openSession, startExecutor } from './index.ts';

const log = streamLog({ write: () => true }, systemClock, 'error');
let models: Awaited<ReturnType<typeof modelFolder>>;
const open: Executor[] = [];

beforeAll(async () => {
  models = await modelFolder();
});
afterAll(async () => {
  await Promise.all(open.map((executor) => executor.close()));
  await models.remove();
});

async function start(
  file: string,
  bytes: Uint8Array,
  datatype: Datatype,
  shape: number[],
  options: Partial<ExecutorOptions> = {},
): Promise<Executor> {
  const path = await models.write(file, bytes);
  const executor = await startExecutor({
    path,
    schema: schemaOf(datatype, shape),
    provider: 'cpu',
    threads: 1,
    clock: systemClock,
    log,
    runTimeoutMs: 10_000,
    maxPending: 8,
    ...options,
  });
  open.push(executor);
  return executor;
}

const times = (count: bigint): { x: Tensor } => ({
  x: { datatype: 'INT64', shape: [], data: new Uint8Array(new BigInt64Array([count]).buffer) },
});

test.each(datatypes.filter((datatype) => datatype !== 'BYTES'))(
  '%s elements pass bit by bit, aligned or not',
  async (datatype) => {
    const executor = await start(`${datatype}.onnx`, identityModel(datatype, [-1]), datatype, [-1]);
    const size = elementBytes[datatype];
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 64 }),
        fc.integer({ min: 0, max: 7 }),
        async (bytes, offset) => {
          const count = Math.floor(bytes.length / size);
          // A BOOL is 0 or 1: other bytes are no elements.
          const content =
            datatype === 'BOOL' ? bytes.map((byte) => byte & 1) : bytes.subarray(0, count * size);
          const data = new Uint8Array(new SharedArrayBuffer(offset + content.length), offset);
          data.set(content);
          const { outputs } = await executor.run({ x: { datatype, shape: [count], data } });
          expect(outputs.y).toEqual({ datatype, shape: [count], data: Uint8Array.from(content) });
        },
      ),
      { numRuns: 20 },
    );
  },
);

test('BYTES elements pass as texts', async () => {
  const executor = await start('texts.onnx', identityModel('BYTES', [-1]), 'BYTES', [-1]);
  const texts = ['', 'ä', '模型', 'a\u0001b'];
  const { outputs } = await executor.run({ x: { datatype: 'BYTES', shape: [4], data: encodeTexts(texts) } });
  expect(decodeTexts(outputs.y?.data ?? new Uint8Array(), 4)).toEqual(texts);
});

test('BYTES framing: any texts round trip, and no bytes crash the reader', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), (texts) => {
      expect(decodeTexts(encodeTexts(texts), texts.length)).toEqual(texts);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(5), (bytes, count) => {
      try {
        expect(encodeTexts(decodeTexts(bytes, count))).toEqual(bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: 'INPUT_INVALID' });
      }
    }),
  );
});

test('what the model refuses is INFERENCE_FAILED in its own words, and the next run works', async () => {
  const executor = await start('fixed.onnx', identityModel('FP32', [2]), 'FP32', [2]);
  const tensor = (count: number): Tensor => ({
    datatype: 'FP32',
    shape: [count],
    data: new Uint8Array(count * 4),
  });
  await expect(executor.run({ x: tensor(3) })).rejects.toMatchObject({
    code: 'INFERENCE_FAILED',
    message: expect.stringContaining('Expected: 2'),
  });
  await expect(executor.run({ x: tensor(2) })).resolves.toMatchObject({ outputs: { y: { shape: [2] } } });
});

test('requests beyond the queue are OVERLOADED; close lets the others finish', async () => {
  const executor = await start('queue.onnx', countingModel(), 'INT64', [], { maxPending: 2 });
  const first = executor.run(times(300_000n));
  const second = executor.run(times(3n));
  await expect(executor.run(times(1n))).rejects.toMatchObject({ code: 'OVERLOADED' });
  const closed = executor.close();
  await expect(executor.run(times(1n))).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
  await expect(first).resolves.toMatchObject({ outputs: {} });
  await expect(second).resolves.toMatchObject({ outputs: {} });
  await closed;
});

test('a thread that hangs is given up, and all who wait are told', async () => {
  const ends: string[] = [];
  const onEnd = ({ code }: { code: string }) => ends.push(code);
  const executor = await start('hang.onnx', countingModel(), 'INT64', [], { runTimeoutMs: 300, onEnd });
  // Some seconds of native code that nothing can interrupt; long enough to be sure, short enough to end by itself.
  const hanging = executor.run(times(10_000_000n));
  const waiting = executor.run(times(1n));
  await expect(hanging).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  await expect(waiting).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  await expect(executor.run(times(1n))).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  expect(ends).toEqual(['DEADLINE_EXCEEDED']);
});

test('a thread that does not come to an end of loading is given up', async () => {
  const ended: string[] = [];
  const thread: Thread = {
    post: () => {},
    listen: () => {},
    terminate: async () => void ended.push('terminated'),
  };
  const startStuck = threadExecutors({ startThread: () => thread, sharedMs: nodePlatform.sharedMs });
  const schema = schemaOf('FP32', [1]);
  await expect(
    startStuck({
      ...{ path: '/model.onnx', schema, provider: 'cpu', threads: 1, loadTimeoutMs: 10 },
      ...{ clock: systemClock, log, runTimeoutMs: 1_000, maxPending: 1 },
    }),
  ).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', message: 'it was not loaded within 10 ms' });
  expect(ended).toEqual(['terminated']);
});

test('a thread whose runs cannot go on any more is ended, and all who wait are told', async () => {
  const listeners: ThreadListener[] = [];
  const posted: unknown[] = [];
  const ended: string[] = [];
  const thread: Thread = {
    post: (message) => posted.push(message),
    listen: (listener) => listeners.push(listener),
    terminate: async () => void ended.push('terminated'),
  };
  const start = threadExecutors({ startThread: () => thread, sharedMs: nodePlatform.sharedMs });
  const starting = start({
    ...{ path: '/model.onnx', schema: schemaOf('FP32', [1]), provider: 'cpu', threads: 1 },
    ...{ clock: systemClock, log, runTimeoutMs: 1_000, maxPending: 2 },
    onEnd: ({ code }) => ended.push(code),
  });
  const say = (message: object) => listeners.at(-1)?.onMessage(message);
  say({ kind: 'loaded' });
  const executor = await starting;
  const runs = [executor.run(times(1n)), executor.run(times(2n))].map((run) => run.catch(({ code }) => code));
  const error = new CoveyError('RUNTIME_DIED', 'memory access out of bounds').toJSON();
  say({ kind: 'failed', id: 1, error });
  expect(await Promise.all(runs)).toEqual(['RUNTIME_DIED', 'RUNTIME_DIED']);
  expect(ended.toSorted()).toEqual(['RUNTIME_DIED', 'terminated']);
  await expect(executor.run(times(1n))).rejects.toMatchObject({ code: 'RUNTIME_DIED' });
  expect(posted).toHaveLength(2);
});

test('a file that cannot be loaded says why', async () => {
  const schema = schemaOf('FP32', [1]);
  const garbage = await models.write('garbage.onnx', new TextEncoder().encode('this is no model'));
  const future = await models.write('future.onnx', identityModel('FP32', [1], 9_999));
  const other = await models.write('other.onnx', identityModel('INT32', [1]));
  const start = (path: string) =>
    startExecutor({
      ...{ path, schema, provider: 'cpu', threads: 1 },
      ...{ clock: systemClock, log, runTimeoutMs: 1_000, maxPending: 1 },
    });
  await expect(start(`${garbage}.absent`)).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringMatching(/exist/),
  });
  await expect(start(garbage)).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  await expect(start(future)).rejects.toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    message: expect.stringMatching(/opset/i),
  });
  await expect(start(other)).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: 'input x is INT32 in the file and FP32 in the schema',
  });
  await expect(
    openSession(
      other,
      { ...schemaOf('INT32', [1]), outputs: [{ name: 'z', datatype: 'INT32', shape: [1] }] },
      { provider: 'cpu', threads: 1 },
    ),
  ).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: 'the file has no output z',
  });
});
