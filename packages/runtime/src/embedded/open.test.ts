import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addModel, countingModel, identityModel, modelFolder } from '../models.fixture.ts';
import { elements, open, type Runtime, tensor } from './index.ts';

let models: Awaited<ReturnType<typeof modelFolder>>;
let runtime: Runtime;
const files: Record<string, string> = {};

beforeAll(async () => {
  models = await modelFolder();
  files.one = await models.write('one.onnx', addModel(1, [-1, 2]));
  files.two = await models.write('two.onnx', addModel(2, [-1, 2]));
  files.text = await models.write('text.onnx', identityModel('BYTES', [-1]));
  files.count = await models.write('count.onnx', countingModel());
  runtime = await open([
    { name: 'add', path: files.one },
    { name: 'text', path: files.text },
    { name: 'count', path: files.count },
  ]);
});
afterAll(async () => {
  await runtime.close();
  await models.remove();
});

const pair = (a: number, b: number) => ({ x: tensor(Float32Array.of(a, b), [1, 2]) });

test('answers as the model computes, and says what answered', async () => {
  const answer = await runtime.infer('add', pair(1, 2));
  expect(answer).toMatchObject({ version: '1.0.0', provider: 'cpu', timings: { batchSize: 1 } });
  expect(answer.outputs.y && elements(answer.outputs.y)).toEqual(Float32Array.of(2, 3));
  const texts = await runtime.infer('text', { x: tensor(['größer', '']) });
  expect(texts.outputs.y && elements(texts.outputs.y)).toEqual(['größer', '']);
});

test('the schema is read from the file', () => {
  expect(runtime.schema('add')).toEqual({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
  });
});

describe('errors are in the words and codes of the catalogue', () => {
  test.each([
    ['a model that is not there', 'nothing', pair(1, 2), 'MODEL_UNKNOWN'],
    ['another type', 'add', { x: tensor(Int32Array.of(1, 2), [1, 2]) }, 'INPUT_INVALID'],
    ['another shape', 'add', { x: tensor(Float32Array.of(1, 2, 3), [1, 3]) }, 'INPUT_INVALID'],
    ['another name', 'add', { z: tensor(Float32Array.of(1, 2), [1, 2]) }, 'INPUT_INVALID'],
  ])('%s', async (_, model, inputs, code) => {
    await expect(runtime.infer(model, inputs)).rejects.toMatchObject({ code });
  });

  test('files that are none', async () => {
    const garbage = await models.write('garbage.onnx', Buffer.from('no model'));
    await expect(open([{ name: 'm', path: garbage }])).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    await expect(open([{ name: 'm', path: 'absent.onnx' }])).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });

  test('elements that fill no tensor', () => {
    expect(() => tensor(Float32Array.of(1, 2), [3])).toThrow(/2 elements do not fill/);
    expect(() => tensor([true, 'text'] as never)).toThrow(/booleans or texts/);
  });
});

test('a slow model leaves the event loop free', async () => {
  const before = performance.now();
  const counting = runtime.infer('count', { x: tensor(BigInt64Array.of(100_000n), []) });
  await new Promise((resolve) => setImmediate(resolve));
  const waitedMs = performance.now() - before;
  const { timings } = await counting;
  expect(waitedMs).toBeLessThan(timings.inferMs);
});

test('replacing a version under load fails no request', async () => {
  const own = await open([{ name: 'add', path: files.one ?? '' }]);
  let stop = false;
  const seen = new Set<string>();
  const load = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (!stop) {
        const { outputs, version } = await own.infer('add', pair(1, 1));
        const [value] = outputs.y ? elements(outputs.y) : [];
        expect(value).toBe(version === '1.0.0' ? 2 : 3);
        seen.add(version);
      }
    }),
  );
  for (let swap = 0; swap < 6; swap++) {
    const [version, path] = swap % 2 === 0 ? ['2.0.0', files.two] : ['1.0.0', files.one];
    await own.replace([{ name: 'add', path: path ?? '', version }]);
  }
  stop = true;
  await load;
  expect([...seen].sort()).toEqual(['1.0.0', '2.0.0']);
  await own.close();
});

test('measurements come at the end', async () => {
  const counted: number[] = [];
  const own = await open([{ name: 'add', path: files.one ?? '' }], {
    metricsIntervalMs: 3_600_000,
    onMetrics: ({ models: [first] }) => counted.push(first?.requests ?? 0),
  });
  for (let i = 0; i < 3; i++) await own.infer('add', pair(1, 2));
  await own.close();
  expect(counted.reduce((sum, requests) => sum + requests, 0)).toBe(3);
});
