import { utimes } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Pipeline } from '@covey/protocol';
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

  test.each<[string, unknown[], string]>([
    ['no inputs', [], 'INPUT_INVALID'],
    ['null for inputs', [null], 'INPUT_INVALID'],
    ['null for a tensor', [{ x: null }], 'INPUT_INVALID'],
    ['an array for a tensor', [{ x: [1, 2] }], 'INPUT_INVALID'],
    ['a time that is none', [pair(1, 2), { timeoutMs: Number.NaN }], 'INPUT_INVALID'],
    ['a priority that is none', [pair(1, 2), { priority: 'x' }], 'INPUT_INVALID'],
  ])('of a program without types: %s', async (_, given, code) => {
    const infer = runtime.infer.bind(runtime) as (...args: unknown[]) => Promise<unknown>;
    await expect(infer('add', ...given)).rejects.toMatchObject({ code });
    await expect(runtime.replace('add' as never)).rejects.toMatchObject({ code: 'INVALID_DOCUMENT' });
  });

  test('files that are none', async () => {
    const garbage = await models.write('garbage.onnx', Buffer.from('no model'));
    await expect(open([{ name: 'm', path: garbage }])).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    await expect(open([{ name: 'm', path: models.folder }])).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    for (const path of ['absent.onnx', `${garbage}/absent.onnx`]) {
      const missing = { code: 'NOT_FOUND', message: expect.stringContaining(resolve(path)) };
      await expect(open([{ name: 'm', path }])).rejects.toMatchObject(missing);
      await expect(runtime.replace([{ name: 'm', path }])).rejects.toMatchObject(missing);
    }
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
  for (let swap = 0; swap < 2; swap++) {
    const [version, path] = swap % 2 === 0 ? ['2.0.0', files.two] : ['1.0.0', files.one];
    await own.replace([{ name: 'add', path: path ?? '', version }]);
  }
  stop = true;
  await load;
  expect([...seen].sort()).toEqual(['1.0.0', '2.0.0']);
  await own.close();
});

test('one file under two versions is two versions: each answers what names it, and routes tell them apart', async () => {
  const both = ['1.0.0', '2.0.0'].map((version) => ({ name: 'add', path: files.one ?? '', version }));
  const split = [{ version: '1.0.0', share: 1 }];
  const two = await open(both, { routes: [{ model: 'add', version: '2.0.0', split }] });
  expect((await two.infer('add', pair(1, 2))).version).toBe('1.0.0');
  expect((await two.infer('add', pair(1, 2), { version: '2.0.0' })).version).toBe('2.0.0');
  await two.replace([{ name: 'add', path: files.one ?? '', version: '3.0.0' }]);
  expect((await two.infer('add', pair(1, 2))).version).toBe('3.0.0');
  const wrong = [{ model: 'add', version: '3.0.0', split: [{ version: '3.0.0', share: 5 }] }];
  await expect(two.replace(both, wrong)).rejects.toMatchObject({ code: 'INVALID_DOCUMENT' });
  const late = two.replace(both);
  await two.close();
  await late.catch(() => {});
  await expect(two.replace(both)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
  await expect(two.infer('add', pair(1, 2))).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
});

test('a file that changed is loaded again', async () => {
  const path = await models.write('changing.onnx', addModel(1, [-1, 2]));
  const own = await open([{ name: 'add', path }]);
  const answer = async () => {
    const { outputs, version } = await own.infer('add', pair(1, 1));
    return [version, ...(outputs.y ? elements(outputs.y) : [])];
  };
  expect(await answer()).toEqual(['1.0.0', 2, 2]);
  await models.write('changing.onnx', addModel(2, [-1, 2]));
  // Files of one size that were written within one tick of the file system's clock.
  await utimes(path, 1, 1);
  await own.replace([{ name: 'add', path }]);
  expect(await answer()).toEqual(['1.0.0', 3, 3]);
  await models.write('changing.onnx', Buffer.from('no model'));
  await utimes(path, 1, 1);
  await expect(own.replace([{ name: 'add', path }])).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  expect(await answer()).toEqual(['1.0.0', 3, 3]);
  await own.close();
});

describe('a pipeline', () => {
  const pipeline: Pipeline = {
    inputs: [{ name: 'given', datatype: 'FP32', shape: [-1, 2] }],
    stages: [
      { kind: 'model', inputs: { x: 'given' }, outputs: { y: 'more' } },
      { kind: 'argmax', input: 'more', output: 'class' },
    ],
    outputs: [{ name: 'class', datatype: 'INT64', shape: [-1] }],
  };

  test('is what callers see of its model', async () => {
    const own = await open([{ name: 'add', path: files.one ?? '', pipeline }]);
    expect(own.schema('add')).toEqual({ inputs: pipeline.inputs, outputs: pipeline.outputs });
    const given = tensor(Float32Array.of(1, 2, 4, 3), [2, 2]);
    const { outputs } = await own.infer('add', { given });
    expect(outputs.class && elements(outputs.class)).toEqual(BigInt64Array.of(1n, 0n));
    await own.replace([{ name: 'add', path: files.one ?? '' }]);
    expect((await own.infer('add', pair(1, 2))).outputs.y?.shape).toEqual([1, 2]);
    await own.close();
  });

  test.each([
    ['that does not fit its model', { ...pipeline, stages: pipeline.stages.slice(1) }],
    ['that is none', { ...pipeline, stages: [{ kind: 'magic' }] } as never],
  ])('%s is refused', async (_, wrong) => {
    const opened = open([{ name: 'add', path: files.one ?? '', pipeline: wrong }]);
    await expect(opened).rejects.toMatchObject({ code: 'INVALID_DOCUMENT' });
  });
});

test('bytes are elements too', async () => {
  const answer = await runtime.infer('text', { x: tensor([Uint8Array.of(97, 98), Uint8Array.of()]) });
  expect(answer.outputs.y && elements(answer.outputs.y)).toEqual(['ab', '']);
});

describe('inline', () => {
  const openInline = () =>
    open(
      [
        { name: 'add', path: files.one ?? '' },
        { name: 'text', path: files.text ?? '' },
        { name: 'count', path: files.count ?? '' },
      ],
      { inline: true },
    );

  test('answers are the same, requests that come together included, and a swap fails none', async () => {
    const own = await openInline();
    const answers = await Promise.all([1, 2, 3, 4, 5].map((i) => own.infer('add', pair(i, 0))));
    const first = answers.map(({ outputs }) => outputs.y && elements(outputs.y)[0]);
    expect(first).toEqual([2, 3, 4, 5, 6]);
    const { outputs } = await own.infer('text', { x: tensor(['ä']) });
    expect(outputs.y && elements(outputs.y)).toEqual(['ä']);
    await expect(own.infer('add', { x: tensor(Int32Array.of(1)) })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    const during = Promise.all([1, 2, 3].map((i) => own.infer('add', pair(i, 0))));
    await own.replace([{ name: 'add', path: files.two ?? '', version: '2.0.0' }]);
    expect((await during).map(({ version }) => version)).toEqual(['1.0.0', '1.0.0', '1.0.0']);
    expect((await own.infer('add', pair(1, 0))).version).toBe('2.0.0');
    await own.close();
  });

  test('a model holds the event loop while it computes', async () => {
    const own = await openInline();
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 1);
    const { timings } = await own.infer('count', { x: tensor(BigInt64Array.of(200_000n), []) });
    clearInterval(ticking);
    expect(timings.inferMs).toBeGreaterThan(20);
    expect(ticks).toBeLessThan(4);
    await own.close();
  });

  test('closing lets what runs finish', async () => {
    const own = await openInline();
    const running = Promise.all([1, 2, 3].map((i) => own.infer('add', pair(i, 0))));
    await own.close();
    expect(await running).toHaveLength(3);
    await expect(own.infer('add', pair(1, 1))).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
  });

  test('a file that is none is refused', async () => {
    const garbage = await models.write('garbage.onnx', Buffer.from('no model'));
    const opened = open([{ name: 'm', path: garbage }], { inline: true });
    await expect(opened).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });
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
