import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addModel, countingModel, identityModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';
import { encodeTexts } from '../tensors/index.ts';

let server: Awaited<ReturnType<typeof serverWith>>;
let http: typeof server.http;

beforeAll(async () => {
  server = await serverWith({
    add: [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2])],
    int64: [identityModel('INT64', [-1]), schemaOf('INT64', [-1])],
    uint64: [identityModel('UINT64', [-1]), schemaOf('UINT64', [-1])],
    half: [identityModel('FP16', [-1]), schemaOf('FP16', [-1])],
    text: [identityModel('BYTES', [-1]), schemaOf('BYTES', [-1])],
    bool: [identityModel('BOOL', [-1]), schemaOf('BOOL', [-1])],
    count: [countingModel(), schemaOf('INT64', [])],
  });
  http = server.http;
}, 60_000);
afterAll(() => server.close());

const input = (datatype: string, shape: number[], data: unknown, more = {}) => ({
  inputs: [{ name: 'x', datatype, shape, data }],
  ...more,
});
const floats = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer);

describe('metadata and health', () => {
  test('server, health and model metadata', async () => {
    expect((await http.get('/v2')).json).toEqual({
      name: 'covey',
      version: expect.any(String),
      extensions: expect.arrayContaining(['binary_tensor_data', 'classification', 'statistics']),
    });
    for (const path of ['/v2/health/live', '/v2/health/ready', '/v2/models/add/ready']) {
      expect(await http.get(path)).toMatchObject({ status: 200, json: undefined });
    }
    const metadata = await http.get('/v2/models/add');
    expect(metadata.json).toEqual({
      name: 'add',
      versions: ['1.2.0'],
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
    });
    expect((await http.get('/v2/models/add/versions/3')).json).toEqual(metadata.json);
    expect((await http.get('/v2/models/add/versions/1.2.0')).json).toEqual(metadata.json);
  });

  test.each([
    ['GET', '/v2/models/none', 404, 'MODEL_UNKNOWN'],
    ['GET', '/v2/models/add/versions/9.9.9', 404, 'MODEL_UNKNOWN'],
    ['POST', '/v2/models/none/infer', 404, 'MODEL_UNKNOWN'],
    ['GET', '/elsewhere', 404, 'NOT_FOUND'],
    ['GET', '/v2/models/add/other', 404, 'NOT_FOUND'],
    ['GET', '/v2/models/%E0%A4%A/infer', 400, 'INVALID_DOCUMENT'],
    ['GET', '/v2/models/add/infer', 405, 'METHOD_NOT_ALLOWED'],
    ['POST', '/v2', 405, 'METHOD_NOT_ALLOWED'],
  ])('%s %s is %i %s', async (method, path, status, code) => {
    const reply = await http.send(method, path);
    expect(reply).toMatchObject({ status, json: { error: expect.any(String) } });
    expect(reply.headers['x-covey-error-code']).toBe(code);
  });
});

describe('inference', () => {
  test('JSON: nested or flat data; the answer names version, variant and provider, and echoes the id', async () => {
    const nested = await http.post(
      '/v2/models/add/infer',
      input(
        'FP32',
        [2, 2],
        [
          [1, 2],
          [3, 4],
        ],
        { id: 'a' },
      ),
    );
    expect(nested).toMatchObject({ status: 200 });
    expect(nested.json).toEqual({
      model_name: 'add',
      model_version: '1.2.0',
      id: 'a',
      parameters: { variant: 'fp32', provider: 'cpu' },
      outputs: [{ name: 'y', datatype: 'FP32', shape: [2, 2], data: [2, 3, 4, 5] }],
    });
    const flat = await http.post('/v2/models/add/versions/3/infer', input('FP32', [2, 2], [1, 2, 3, 4]));
    expect(flat.json).toMatchObject({ outputs: [{ data: [2, 3, 4, 5] }] });
  });

  test('binary in and out, by request or by output, the output winning', async () => {
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } }];
    const asked = { inputs, parameters: { binary_data_output: true } };
    const binary = await http.postBinary('/v2/models/add/infer', asked, floats(1, 2));
    expect(binary.json).toMatchObject({ outputs: [{ parameters: { binary_data_size: 8 } }] });
    expect(binary.body.subarray(-8)).toEqual(Buffer.from(floats(2, 3)));
    const outputs = [{ name: 'y', parameters: { binary_data: false } }];
    const json = await http.postBinary('/v2/models/add/infer', { ...asked, outputs }, floats(1, 2));
    expect(json.headers['inference-header-content-length']).toBeUndefined();
    expect(json.json).toMatchObject({ outputs: [{ data: [2, 3] }] });
  });

  test('a raw request: header length 0', async () => {
    const reply = await http.postBinary('/v2/models/add/infer', undefined, floats(1, 2, 3, 4));
    expect(reply.json).toMatchObject({ outputs: [{ shape: [2, 2], parameters: { binary_data_size: 16 } }] });
    expect(reply.body.subarray(-16)).toEqual(Buffer.from(floats(2, 3, 4, 5)));
    expect(await http.postBinary('/v2/models/add/infer', undefined, floats(1, 2, 3))).toMatchObject({
      status: 400,
      json: { error: 'input x: FP32 [1,2] takes 8 bytes, got 12' },
    });
  });

  test('bodies in flight at the same time, and memory used again, are never mixed', async () => {
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        Array.from({ length: 40 }, async (_, i) => {
          const reply = await http.postBinary('/v2/models/add/infer', undefined, floats(i, round));
          expect(reply.body.subarray(-8)).toEqual(Buffer.from(floats(i + 1, round + 1)));
        }),
      );
    }
  });

  test('gzip and deflate bodies, JSON or binary', async () => {
    const body = JSON.stringify(input('FP32', [1, 2], [1, 2]));
    for (const [encoding, bytes] of [
      ['gzip', gzipSync(body)],
      ['deflate', deflateSync(body)],
    ] as const) {
      const reply = await http.post('/v2/models/add/infer', bytes, { 'content-encoding': encoding });
      expect(reply.json).toMatchObject({ outputs: [{ data: [2, 3] }] });
    }
    const raw = await http.post('/v2/models/add/infer', gzipSync(floats(1, 2)), {
      'content-encoding': 'gzip',
      'inference-header-content-length': '0',
    });
    expect(raw.body.subarray(-8)).toEqual(Buffer.from(floats(2, 3)));
  });

  test('64-bit integers are exact in JSON, both ways', async () => {
    const signed =
      '{"inputs":[{"name":"x","datatype":"INT64","shape":[3],"data":[9223372036854775807,-9223372036854775808,7]}]}';
    const reply = await http.post('/v2/models/int64/infer', signed);
    expect(reply.body.toString()).toContain('[9223372036854775807,-9223372036854775808,7]');
    const unsigned = await http.post(
      '/v2/models/uint64/infer',
      signed.replace('INT64', 'UINT64').replace(/\[9.*7\]/, '[18446744073709551615,0,1]'),
    );
    expect(unsigned.body.toString()).toContain('[18446744073709551615,0,1]');
    const tooLarge = await http.post(
      '/v2/models/int64/infer',
      signed.replace('9223372036854775807', '9223372036854775808'),
    );
    expect(tooLarge).toMatchObject({
      status: 400,
      json: { error: 'input x: element 0 must be INT64, got 9223372036854775808' },
    });
  });

  test('texts, booleans and halves', async () => {
    const texts = await http.post('/v2/models/text/infer', input('BYTES', [2], ['ä', '']));
    expect(texts.json).toMatchObject({ outputs: [{ datatype: 'BYTES', data: ['ä', ''] }] });
    const packed = encodeTexts(['one', '二']);
    const json = {
      inputs: [{ name: 'x', datatype: 'BYTES', shape: [2], parameters: { binary_data_size: packed.length } }],
    };
    expect((await http.postBinary('/v2/models/text/infer', json, packed)).json).toMatchObject({
      outputs: [{ data: ['one', '二'] }],
    });
    const booleans = await http.post('/v2/models/bool/infer', input('BOOL', [3], [true, 0, false]));
    expect(booleans.json).toMatchObject({ outputs: [{ data: [true, false, false] }] });
    expect(await http.post('/v2/models/half/infer', input('FP16', [1], [1]))).toMatchObject({ status: 400 });
    const half = await http.postBinary('/v2/models/half/infer', undefined, Uint8Array.of(0, 0x3c));
    expect(half.body.subarray(-2)).toEqual(Buffer.of(0, 0x3c));
    const inputs = [{ name: 'x', datatype: 'FP16', shape: [1], parameters: { binary_data_size: 2 } }];
    expect(await http.postBinary('/v2/models/half/infer', { inputs }, Uint8Array.of(0, 0x3c))).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining('binary_data') },
    });
  });

  test.each([
    ['datatype', input('INT32', [1, 2], [1, 2]), 'input x: expected FP32, got INT32'],
    ['rank', input('FP32', [2], [1, 2]), 'input x: expected shape [-1,2], got [2]'],
    ['shape', input('FP32', [1, 3], [1, 2, 3]), 'input x: expected shape [-1,2], got [1,3]'],
    ['count', input('FP32', [1, 2], [1]), 'input x: its shape holds 2 elements, data has 1'],
    ['element', input('FP32', [1, 2], [1, 'two']), 'input x: element 1 must be FP32, got "two"'],
    ['overflow', input('FP32', [1, 2], [1, 1e39]), 'input x: element 1 must be FP32, got 1e+39'],
    [
      'unknown input',
      { inputs: [{ name: 'z', datatype: 'FP32', shape: [1], data: [1] }] },
      'the model has no input z; it has x',
    ],
    ['missing input', { inputs: [] }, 'input x is missing'],
    [
      'unknown output',
      input('FP32', [1, 2], [1, 2], { outputs: [{ name: 'z' }] }),
      'the model has no output z; it has y',
    ],
    ['no data', input('FP32', [1, 2], undefined), 'input x: element 0 must be FP32, got nothing'],
  ])('wrong %s is 400 and says what was expected', async (_what, body, error) => {
    expect(await http.post('/v2/models/add/infer', body)).toMatchObject({
      status: 400,
      json: { error },
    });
  });

  test('an extension that is not served is 501, not ignored', async () => {
    expect(await http.post('/v2/models/add/infer', '{}', { 'content-encoding': 'br' })).toMatchObject({
      status: 501,
    });
  });

  test('a full queue is 503 OVERLOADED, and those inside it are answered', async () => {
    const slow = (data: number) => http.post('/v2/models/count/infer', input('INT64', [], [data]));
    const replies = await Promise.all(Array.from({ length: 80 }, (_, i) => slow(i === 0 ? 500_000 : 1)));
    const refused = replies.filter(({ status }) => status === 503);
    // Besides the 64 that wait, a few may run.
    expect(refused.length).toBeGreaterThan(8);
    expect(refused.length).toBeLessThanOrEqual(16);
    expect(refused.every(({ headers }) => headers['x-covey-error-code'] === 'OVERLOADED')).toBe(true);
    expect(replies.filter(({ status }) => status === 200).length).toBe(80 - refused.length);
  });
});
