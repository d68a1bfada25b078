import { gunzipSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administratorFolder } from '../administrator.fixture.ts';
import { addModel, identityModel, pairModel, pairSchema, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';
import { encodeTexts } from '../tensors/index.ts';

let folder: Awaited<ReturnType<typeof administratorFolder>>;
let server: Awaited<ReturnType<typeof serverWith>>;
const told: { type: string }[] = [];
let http: typeof server.http;

beforeAll(async () => {
  folder = await administratorFolder();
  const models: Parameters<typeof serverWith>[0] = {
    add: [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2]), { settings: { batching: { maxBatchSize: 8 } } }],
    pair: [pairModel(), pairSchema],
    scores: [
      identityModel('FP32', [-1, 3]),
      schemaOf('FP32', [-1, 3]),
      { classification: { output: 'y', classNames: ['cat', 'dog', 'bird'] } },
    ],
    whole: [identityModel('INT64', [3]), schemaOf('INT64', [3])],
    text: [identityModel('BYTES', [-1]), schemaOf('BYTES', [-1])],
    wide: [identityModel('FP32', [-1]), schemaOf('FP32', [-1])],
  };
  server = await serverWith(models, { access: folder.access, send: (message) => told.push(message) });
  http = server.http;
}, 60_000);
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const floats = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer);
const add = (more: object = {}) => ({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }],
  ...more,
});

describe('binary data', () => {
  const texts = encodeTexts(['one', '']);
  const t = { name: 't', datatype: 'BYTES', shape: [2], parameters: { binary_data_size: texts.byteLength } };
  const x = { name: 'x', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } };

  test('inputs in JSON and binary, in any order, and outputs of both kinds in one request', async () => {
    const mixed = { inputs: [{ ...x, parameters: {}, data: [3, 4] }, t], outputs: [{ name: 'u' }] };
    const reply = await http.postBinary('/v2/models/pair/infer', mixed, texts);
    expect(reply.json).toMatchObject({ outputs: [{ name: 'u', data: ['one', ''] }] });

    const outputs = [{ name: 'y', parameters: { binary_data: true } }, { name: 'u' }];
    const both = await http.postBinary(
      '/v2/models/pair/infer',
      { inputs: [t, x], outputs },
      texts,
      floats(5, 6),
    );
    expect(both.json).toMatchObject({
      outputs: [
        { name: 'y', shape: [1, 2], parameters: { binary_data_size: 8 } },
        { name: 'u', data: ['one', ''] },
      ],
    });
    expect(both.body.subarray(-8)).toEqual(Buffer.from(floats(5, 6)));
  });

  test('no output named means all, in the order of the model', async () => {
    const asked = { inputs: [t, x], outputs: [], parameters: { binary_data_output: true } };
    const reply = await http.postBinary('/v2/models/pair/infer', asked, texts, floats(5, 6));
    expect(reply.json).toMatchObject({ outputs: [{ name: 'y' }, { name: 'u' }] });
    expect(reply.body.subarray(-texts.byteLength)).toEqual(Buffer.from(texts));
  });

  test('BYTES that are no text are refused by what they are for', async () => {
    const packed = Uint8Array.of(2, 0, 0, 0, 0xff, 0xfe);
    const inputs = [{ name: 'x', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 6 } }];
    expect(await http.postBinary('/v2/models/text/infer', { inputs }, packed)).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining('BYTES element 0 is not UTF-8') },
    });
  });

  test.each([
    ['data as well', { ...x, data: [1, 2] }, 'input x: binary_data_size is 8, so is data'],
    [
      'too few bytes',
      { ...x, parameters: { binary_data_size: 12 } },
      'input x: binary_data_size is 12, 8 bytes',
    ],
    [
      'bytes left over',
      { ...x, parameters: { binary_data_size: 4 } },
      'input x: FP32 [1,2] takes 8 bytes, got 4',
    ],
    ['no size', { ...x, parameters: { binary_data_size: -1 } }, 'binary_data_size must be a number of bytes'],
  ])('%s is 400', async (_what, input, error) => {
    const reply = await http.postBinary('/v2/models/add/infer', { inputs: [input] }, floats(1, 2));
    expect(reply).toMatchObject({ status: 400, json: { error: expect.stringContaining(error) } });
  });
});

describe('classification', () => {
  const scores = (shape: number[], data: number[], classification: unknown) => ({
    inputs: [{ name: 'x', datatype: 'FP32', shape, data }],
    outputs: [{ name: 'y', parameters: { classification } }],
  });

  test('the greatest of each row, with class names, the first of equals first', async () => {
    const reply = await http.post('/v2/models/scores/infer', scores([2, 3], [0.25, 0.5, 0.25, 3, -1, 2], 2));
    expect(reply.json).toMatchObject({
      outputs: [
        {
          name: 'y',
          datatype: 'BYTES',
          shape: [2, 2],
          data: ['0.500000:1:dog', '0.250000:0:cat', '3.000000:0:cat', '2.000000:2:bird'],
        },
      ],
    });
  });

  test('in binary; without class names; more than there are; of a whole output', async () => {
    const asked = {
      inputs: [{ name: 'x', datatype: 'INT64', shape: [3], data: [5, 9, -7] }],
      outputs: [{ name: 'y', parameters: { classification: 10, binary_data: true } }],
    };
    const reply = await http.post('/v2/models/whole/infer', asked);
    expect(reply.json).toMatchObject({ outputs: [{ datatype: 'BYTES', shape: [3] }] });
    const packed = Buffer.from(encodeTexts(['9:1', '5:0', '-7:2']));
    expect(reply.body.subarray(-packed.byteLength)).toEqual(packed);
  });

  test('texts cannot be classified, and the count is a count', async () => {
    const asked = {
      inputs: [{ name: 'x', datatype: 'BYTES', shape: [1], data: ['a'] }],
      outputs: [{ name: 'y', parameters: { classification: 1 } }],
    };
    expect(await http.post('/v2/models/text/infer', asked)).toMatchObject({ status: 501 });
    expect(await http.post('/v2/models/scores/infer', scores([1, 3], [1, 2, 3], -1))).toMatchObject({
      status: 400,
    });
  });
});

describe('parameters', () => {
  test('priority, timeout and the caller own ones are taken; a sequence that is none is none', async () => {
    const parameters = {
      priority: 1,
      timeout: 60_000_000,
      sequence_id: 0,
      mine: 'x',
      binary_data_output: false,
    };
    expect(await http.post('/v2/models/add/infer', add({ parameters }))).toMatchObject({ status: 200 });
  });

  test.each([
    [{ sequence_id: 7, sequence_start: true }, 501],
    [{ shared_memory_region: 'r' }, 501],
    [{ priority: -1 }, 400],
    [{ timeout: 'soon' }, 400],
    [{ binary_data_output: 'yes' }, 400],
  ])('%j is %i', async (parameters, status) => {
    expect(await http.post('/v2/models/add/infer', add({ parameters }))).toMatchObject({ status });
  });

  test.each([
    '/v2/systemsharedmemory/status',
    '/v2/cudasharedmemory/status',
    '/v2/logging',
    '/v2/trace/setting',
  ])('%s is 501', async (path) => {
    expect(await http.get(path)).toMatchObject({ status: 501, json: { error: expect.any(String) } });
  });
});

describe('compressed answers', () => {
  const large = {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [4_000], data: Array.from({ length: 4_000 }, () => 1) }],
  };
  const accept = (encoding: string) => ({ 'accept-encoding': encoding });

  test('in the one encoding that is asked for, JSON and binary', async () => {
    for (const [encoding, decode] of [
      ['gzip', gunzipSync],
      ['deflate', inflateSync],
    ] as const) {
      const reply = await http.post('/v2/models/wide/infer', JSON.stringify(large), accept(encoding));
      expect(reply.headers['content-encoding']).toBe(encoding);
      expect(JSON.parse(decode(reply.body).toString())).toMatchObject({ outputs: [{ shape: [4_000] }] });
    }
    const asked = { ...large, parameters: { binary_data_output: true } };
    const reply = await http.post('/v2/models/wide/infer', JSON.stringify(asked), accept('gzip'));
    const jsonBytes = Number(reply.headers['inference-header-content-length']);
    const body = gunzipSync(reply.body);
    expect(body.byteLength).toBe(jsonBytes + 16_000);
    expect(JSON.parse(body.subarray(0, jsonBytes).toString())).toMatchObject({ outputs: [{ name: 'y' }] });
  });

  test.each(['gzip, deflate, br', 'gzip;q=0', 'identity', 'br'])(
    'not for %s on this machine',
    async (encoding) => {
      const reply = await http.post('/v2/models/wide/infer', large, accept(encoding));
      expect(reply).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
      expect(reply.headers['content-encoding']).toBeUndefined();
    },
  );

  test('small answers stay as they are', async () => {
    const reply = await http.post('/v2/models/add/infer', add(), accept('gzip'));
    expect(reply.headers['content-encoding']).toBeUndefined();
  });
});

describe('repository, statistics and configuration', () => {
  test('the index; unload and load', async () => {
    const entry = (state: string, reason: unknown) => ({ name: 'whole', version: '1.2.0', state, reason });
    const index = async (body: unknown = '') => (await http.post('/v2/repository/index', body)).json;
    expect(await index()).toContainEqual(entry('READY', ''));
    expect(
      (await http.post('/v2/repository/models/whole/unload', { parameters: { unload_dependents: true } }))
        .status,
    ).toBe(200);
    expect(await index()).toContainEqual(entry('UNAVAILABLE', 'unloaded'));
    expect(await index({ ready: true })).not.toContainEqual(expect.objectContaining({ name: 'whole' }));
    expect(await http.get('/v2/models/whole/ready')).toMatchObject({ status: 400, json: undefined });
    expect(await http.post('/v2/models/whole/infer', '{}')).toMatchObject({ status: 503 });
    expect(await http.get('/v2/health/ready')).toMatchObject({ status: 400 });
    expect(told.findLast(({ type }) => type === 'unloaded')).toMatchObject({ refs: [{ model: 'whole' }] });
    expect((await http.post('/v2/repository/models/whole/load', '')).status).toBe(200);
    expect(await http.get('/v2/models/whole/ready')).toMatchObject({ status: 200 });
    expect(await http.get('/v2/health/ready')).toMatchObject({ status: 200 });
    expect(told.findLast(({ type }) => type === 'unloaded')).toEqual({ type: 'unloaded', refs: [] });
    expect(await http.post('/v2/repository/models/none/load', '')).toMatchObject({ status: 404 });
    const config = { parameters: { config: '{}' } };
    expect(await http.post('/v2/repository/models/whole/load', config)).toMatchObject({ status: 501 });
    expect(await http.post('/v2/repository/index', '[1]')).toMatchObject({ status: 400 });
  });

  test('statistics count requests, inferences and nanoseconds, of one model, version or all', async () => {
    const data = [1, 2, 3, 4, 5, 6];
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [2, 3], data }];
    const before = Date.now();
    expect((await http.post('/v2/models/scores/infer', { inputs })).status).toBe(200);
    const stats = async (path: string) => {
      const reply = await http.get(path);
      expect(reply.status).toBe(200);
      return (reply.json as { model_stats: { name: string; [key: string]: unknown }[] }).model_stats;
    };
    // Counted when the answer is on its way, which the client may learn first.
    await expect
      .poll(async () => (await stats('/v2/models/scores/stats'))[0]?.inference_count, { timeout: 10_000 })
      .toBeGreaterThan(1);
    const [scores] = await stats('/v2/models/scores/versions/3/stats');
    expect(scores).toMatchObject({
      name: 'scores',
      version: '1.2.0',
      inference_stats: { success: { ns: expect.any(Number) }, compute_infer: { ns: expect.any(Number) } },
    });
    expect(scores?.last_inference).toBeGreaterThanOrEqual(before);
    expect(scores?.batch_stats).toContainEqual(expect.objectContaining({ batch_size: 2 }));
    const all = await stats('/v2/models/stats');
    expect(all.map(({ name }) => name).sort()).toEqual(['add', 'pair', 'scores', 'text', 'whole', 'wide']);
    expect(await http.get('/v2/models/none/stats')).toMatchObject({ status: 404 });
  });

  test('configuration: dims without the batch where batching is declared', async () => {
    expect((await http.get('/v2/models/add/config')).json).toMatchObject({
      name: 'add',
      backend: 'onnxruntime',
      max_batch_size: 8,
      input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [2] }],
      output: [{ name: 'y', data_type: 'TYPE_FP32', dims: [2] }],
    });
    expect((await http.get('/v2/models/text/versions/3/config')).json).toMatchObject({
      max_batch_size: 0,
      input: [{ data_type: 'TYPE_STRING', dims: [-1] }],
    });
  });
});

test('what JSON has no word for', async () => {
  const values = floats(Number.NaN, Number.POSITIVE_INFINITY, -0.5, 3e38);
  const asked = {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [4], parameters: { binary_data_size: 16 } }],
  };
  const reply = await http.postBinary('/v2/models/wide/infer', asked, values);
  expect(reply.json).toMatchObject({ outputs: [{ data: [null, null, -0.5, Math.fround(3e38)] }] });
});
