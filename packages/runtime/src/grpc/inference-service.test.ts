import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administratorFolder } from '../administrator.fixture.ts';
import { grpcClient, type Outcome } from '../grpc-client.fixture.ts';
import { addModel, identityModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';

const service = 'inference.GRPCInferenceService';
const datatypes = [
  ['BOOL', 'bool_contents', [true, false, true], [1, 0, 1]],
  ['UINT8', 'uint_contents', [0, 7, 255], [0, 7, 255]],
  ['UINT16', 'uint_contents', [0, 7, 65_535], [0, 0, 7, 0, 255, 255]],
  ['UINT32', 'uint_contents', [1, 4_294_967_295], [1, 0, 0, 0, 255, 255, 255, 255]],
  [
    'UINT64',
    'uint64_contents',
    ['1', '18446744073709551615'],
    [1, 0, 0, 0, 0, 0, 0, 0, ...Array(8).fill(255)],
  ],
  ['INT8', 'int_contents', [-128, 127], [128, 127]],
  ['INT16', 'int_contents', [-32_768, 32_767], [0, 128, 255, 127]],
  ['INT32', 'int_contents', [-1, 2_147_483_647], [255, 255, 255, 255, 255, 255, 255, 127]],
  ['INT64', 'int64_contents', ['-2', '300'], [254, ...Array(7).fill(255), 44, 1, 0, 0, 0, 0, 0, 0]],
  ['FP32', 'fp32_contents', [1, -0.5], [0, 0, 128, 63, 0, 0, 0, 191]],
  ['FP64', 'fp64_contents', [1], [0, 0, 0, 0, 0, 0, 240, 63]],
  ['BYTES', 'bytes_contents', [Buffer.from('ab'), Buffer.from('')], [2, 0, 0, 0, 97, 98, 0, 0, 0, 0]],
] as const;

let folder: Awaited<ReturnType<typeof administratorFolder>>;
let server: Awaited<ReturnType<typeof serverWith>>;
let client: ReturnType<typeof grpcClient>;
const ask = (method: string, request: object, ...rest: [Record<string, string>?]): Promise<Outcome> =>
  client.call(service, method, request, ...rest);

beforeAll(async () => {
  folder = await administratorFolder();
  const identities = [...datatypes.map(([datatype]) => datatype), 'FP16' as const].map((datatype) => [
    datatype.toLowerCase(),
    [identityModel(datatype, [-1]), schemaOf(datatype, [-1])],
  ]);
  server = await serverWith(
    {
      ...Object.fromEntries(identities),
      add: [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2])],
    },
    { grpcPort: 0, access: folder.access },
  );
  client = grpcClient(server.grpcUrl ?? '');
}, 60_000);
afterAll(async () => {
  client.close();
  await server.close();
  await folder.remove();
});

const floats = (...values: number[]) => Buffer.from(new Float32Array(values).buffer);
const addRequest = (changes: object = {}) => ({
  model_name: 'add',
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2] }],
  raw_input_contents: [floats(1, 2)],
  ...changes,
});

describe('what is served', () => {
  test('the server and its models describe themselves', async () => {
    expect(await ask('ServerLive', {})).toMatchObject({ code: 0, answer: { live: true } });
    expect(await ask('ServerReady', {})).toMatchObject({ answer: { ready: true } });
    expect(await ask('ServerMetadata', {})).toMatchObject({ answer: { name: 'covey' } });
    expect(await ask('ModelReady', { name: 'add', version: '3' })).toMatchObject({ answer: { ready: true } });
    expect(await ask('ModelReady', { name: 'absent' })).toMatchObject({ code: 0, answer: { ready: false } });
    expect((await ask('ModelMetadata', { name: 'add' })).answer).toEqual({
      name: 'add',
      versions: ['1.2.0'],
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
    });
    expect((await ask('ModelConfig', { name: 'bytes' })).answer).toMatchObject({
      config: {
        name: 'bytes',
        backend: 'onnxruntime',
        max_batch_size: 0,
        input: [{ name: 'x', data_type: 'TYPE_STRING', dims: [-1] }],
        version_policy: { specific: { versions: [3] } },
      },
    });
  });

  test('health, of the server and of its service', async () => {
    const health = 'grpc.health.v1.Health';
    expect(await client.call(health, 'Check', {})).toMatchObject({ answer: { status: 'SERVING' } });
    expect(await client.call(health, 'Check', { service })).toMatchObject({ answer: { status: 'SERVING' } });
    expect(await client.call(health, 'Check', { service: 'other' })).toMatchObject({
      code: 5,
      errorCode: 'NOT_FOUND',
    });
  });

  test('models are listed, unloaded and loaded again, in the words of Triton and of KServe', async () => {
    expect((await ask('RepositoryModelUnload', { model_name: 'bool' })).code).toBe(0);
    expect((await ask('RepositoryIndex', {})).answer.models).toContainEqual({
      name: 'bool',
      version: '1.2.0',
      state: 'UNAVAILABLE',
      reason: 'unloaded',
    });
    expect(await ask('ModelMetadata', { name: 'bool' })).toMatchObject({
      code: 14,
      errorCode: 'MODEL_UNAVAILABLE',
    });
    const ready = await ask('RepositoryIndex', { ready: true });
    expect(ready.answer.models.map(({ name }) => name)).not.toContain('bool');
    // KServe has the name where Triton has the repository's.
    expect(await ask('RepositoryModelLoad', { repository_name: 'bool' })).toMatchObject({
      code: 0,
      answer: { model_name: 'bool', is_loaded: true },
    });
    expect((await ask('ModelReady', { name: 'bool' })).answer.ready).toBe(true);
    expect(await ask('RepositoryModelLoad', { model_name: 'absent' })).toMatchObject({ code: 5 });
  });
});

describe('inference', () => {
  test('raw tensors, the id, and which variant answered', async () => {
    const { answer } = await ask('ModelInfer', addRequest({ id: 'näme', model_version: '1.2.0' }));
    expect(answer).toMatchObject({
      model_name: 'add',
      model_version: '1.2.0',
      id: 'näme',
      parameters: { variant: { string_param: 'fp32' }, provider: { string_param: 'cpu' } },
      outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2] }],
      raw_output_contents: [floats(2, 3)],
    });
  });

  test.each(datatypes)('%s as typed and as raw contents', async (datatype, field, contents, bytes) => {
    const input = { name: 'x', datatype, shape: [contents.length] };
    const name = { model_name: datatype.toLowerCase() };
    const raw = await ask('ModelInfer', {
      ...name,
      inputs: [input],
      raw_input_contents: [Buffer.from(bytes)],
    });
    const typed = await ask('ModelInfer', {
      ...name,
      inputs: [{ ...input, contents: { [field]: contents } }],
    });
    for (const { code, details, answer } of [raw, typed]) {
      expect({ code, details }).toEqual({ code: 0, details: '' });
      expect(answer.outputs).toMatchObject([{ name: 'y', datatype, shape: [contents.length] }]);
      expect([...(answer.raw_output_contents[0] ?? [])]).toEqual(bytes);
    }
  });

  test('FP16 is raw only', async () => {
    const input = { name: 'x', datatype: 'FP16', shape: [1] };
    const raw = await ask('ModelInfer', {
      model_name: 'fp16',
      inputs: [input],
      raw_input_contents: [Buffer.of(0, 60)],
    });
    expect(raw.answer.raw_output_contents[0]).toEqual(Buffer.of(0, 60));
    const typed = { ...input, contents: { fp32_contents: [1] } };
    expect(await ask('ModelInfer', { model_name: 'fp16', inputs: [typed] })).toMatchObject({
      code: 3,
      errorCode: 'INPUT_INVALID',
      details: expect.stringContaining('raw_input_contents'),
    });
  });

  test('outputs asked for, as classes too', async () => {
    const outputs = [{ name: 'y', parameters: { classification: { int64_param: 1 } } }];
    const { answer } = await ask('ModelInfer', addRequest({ outputs }));
    expect(answer.outputs).toMatchObject([{ name: 'y', datatype: 'BYTES', shape: [1, 1] }]);
    expect(answer.raw_output_contents[0]?.subarray(4).toString()).toBe('3.000000:1');
  });

  test('statistics count what was asked', async () => {
    await ask('ModelInfer', addRequest({ model_version: '3' }));
    const { answer } = await ask('ModelStatistics', { name: 'add' });
    expect(answer.model_stats).toMatchObject([{ name: 'add', version: '1.2.0' }]);
    expect(answer.model_stats[0]?.inference_stats.success.count).toBeGreaterThan(0);
    expect((await ask('ModelStatistics', {})).answer.model_stats.length).toBeGreaterThan(1);
  });
});
