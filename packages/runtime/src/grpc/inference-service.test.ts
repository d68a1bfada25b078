import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addModel, countingModel, identityModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';
import { grpcClient, type Outcome } from './client.fixture.ts';

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

let server: Awaited<ReturnType<typeof serverWith>>;
let client: ReturnType<typeof grpcClient>;
const ask = (method: string, request: object, ...rest: [Record<string, string>?]): Promise<Outcome> =>
  client.call(service, method, request, ...rest);

beforeAll(async () => {
  const identities = [...datatypes.map(([datatype]) => datatype), 'FP16' as const].map((datatype) => [
    datatype.toLowerCase(),
    [identityModel(datatype, [-1]), schemaOf(datatype, [-1])],
  ]);
  server = await serverWith(
    {
      ...Object.fromEntries(identities),
      add: [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2])],
      count: [countingModel(), schemaOf('INT64', [])],
    },
    { grpcPort: 0 },
  );
  client = grpcClient(server.grpcUrl ?? '');
}, 60_000);
afterAll(async () => {
  client.close();
  await server.close();
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
    expect(ready.answer.models.map(({ name }: { name: string }) => name)).not.toContain('bool');
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
      expect([...answer.raw_output_contents[0]]).toEqual(bytes);
    }
  });

  test('FP16 is raw only', async () => {
    const input = { name: 'x', datatype: 'FP16', shape: [1] };
    const raw = await ask('ModelInfer', {
      model_name: 'fp16',
      inputs: [input],
      raw_input_contents: [Buffer.of(0, 60)],
    });
    expect([...raw.answer.raw_output_contents[0]]).toEqual([0, 60]);
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
    expect(answer.raw_output_contents[0].subarray(4).toString()).toBe('3.000000:1');
  });

  test('statistics count what was asked', async () => {
    await ask('ModelInfer', addRequest({ model_version: '3' }));
    const { answer } = await ask('ModelStatistics', { name: 'add' });
    expect(answer.model_stats).toMatchObject([{ name: 'add', version: '1.2.0' }]);
    expect(answer.model_stats[0].inference_stats.success.count).toBeGreaterThan(0);
    expect((await ask('ModelStatistics', {})).answer.model_stats.length).toBeGreaterThan(1);
  });
});

describe('errors', () => {
  const wrongInput = (changes: object) =>
    addRequest({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], ...changes }] });

  test.each<[string, object, number, string, string]>([
    ['model', { model_name: 'absent' }, 5, 'MODEL_UNKNOWN', 'absent'],
    ['version', { ...addRequest(), model_version: '9' }, 5, 'MODEL_UNKNOWN', 'not 9'],
    ['datatype', wrongInput({ datatype: 'INT32' }), 3, 'INPUT_INVALID', 'expected FP32, got INT32'],
    [
      'datatype that is none',
      wrongInput({ datatype: 'BF16' }),
      3,
      'INPUT_INVALID',
      'expected FP32, got BF16',
    ],
    ['shape', wrongInput({ shape: [1, 3] }), 3, 'INPUT_INVALID', 'expected shape [-1,2], got [1,3]'],
    ['negative shape', wrongInput({ shape: [-1, -2] }), 3, 'INPUT_INVALID', 'out of range'],
    ['shape that overflows', wrongInput({ shape: [2 ** 29, 2 ** 29] }), 3, 'INPUT_INVALID', 'expected shape'],
    ['rank', wrongInput({ shape: Array(17).fill(1) }), 3, 'INPUT_INVALID', 'at most 16 dimensions'],
    ['size', addRequest({ raw_input_contents: [floats(1)] }), 3, 'INPUT_INVALID', 'takes 8 bytes, got 4'],
    ['input', wrongInput({ name: 'z' }), 3, 'INPUT_INVALID', 'the model has no input z; it has x'],
    ['no input', { model_name: 'add' }, 3, 'INPUT_INVALID', 'input x is missing'],
    ['output', addRequest({ outputs: [{ name: 'z' }] }), 3, 'INPUT_INVALID', 'no output z; it has y'],
    [
      'both contents',
      wrongInput({ contents: { fp32_contents: [1, 2] } }),
      3,
      'INPUT_INVALID',
      'beside raw_input_contents',
    ],
    [
      'more raw than inputs',
      addRequest({ raw_input_contents: [floats(1, 2), floats(1)] }),
      3,
      'INPUT_INVALID',
      'holds 2 tensors',
    ],
    [
      'contents of another kind',
      { ...wrongInput({ contents: { int64_contents: [1, 2, 3, 4, 5, 6, 7, 8] } }), raw_input_contents: [] },
      3,
      'INPUT_INVALID',
      'go in fp32_contents, not int64_contents',
    ],
    [
      'too few contents',
      { ...wrongInput({ contents: { fp32_contents: [1] } }), raw_input_contents: [] },
      3,
      'INPUT_INVALID',
      'holds 2 elements, the contents 1',
    ],
    [
      'too many contents',
      { ...wrongInput({ contents: { fp32_contents: [1, 2, 3] } }), raw_input_contents: [] },
      3,
      'INPUT_INVALID',
      'holds 2 elements, the contents more',
    ],
    [
      'an element out of range',
      {
        model_name: 'int8',
        inputs: [{ name: 'x', datatype: 'INT8', shape: [1], contents: { int_contents: [300] } }],
      },
      3,
      'INPUT_INVALID',
      'element 0 is 300',
    ],
    [
      'priority',
      addRequest({ parameters: { priority: { string_param: 'high' } } }),
      3,
      'INPUT_INVALID',
      'priority',
    ],
    [
      'sequence',
      addRequest({ parameters: { sequence_id: { int64_param: 7 } } }),
      12,
      'UNSUPPORTED',
      'sequence',
    ],
    [
      'shared memory',
      wrongInput({ parameters: { shared_memory_region: { string_param: 'r' } } }),
      12,
      'UNSUPPORTED',
      'shared-memory',
    ],
  ])('wrong %s', async (_what, request, code, errorCode, words) => {
    const outcome = await ask('ModelInfer', request);
    expect(outcome).toMatchObject({ code, errorCode, details: expect.stringContaining(words) });
  });

  test('methods that are not served, and ports that are spoken to in HTTP', async () => {
    const path = `/${service}/SystemSharedMemoryStatus`;
    expect(await client.raw(path, Buffer.alloc(0))).toMatchObject({ code: 12, errorCode: 'UNSUPPORTED' });
    await expect(fetch((server.grpcUrl ?? '').replace('grpc:', 'http:'))).rejects.toThrow();
    expect((await ask('ServerLive', {})).code).toBe(0);
  });

  test('a deadline that passes is answered as one, a key and a timeout that are none are refused', async () => {
    const slow = {
      model_name: 'count',
      inputs: [{ name: 'x', datatype: 'INT64', shape: [], contents: { int64_contents: [3_000_000] } }],
    };
    const late = client.call(service, 'ModelInfer', slow, {}, { deadline: Date.now() + 60 });
    expect(await late).toMatchObject({ code: 4 });
    const named = await ask('ModelInfer', addRequest(), { 'x-covey-routing-key': 'k'.repeat(257) });
    expect(named).toMatchObject({ code: 3, errorCode: 'INVALID_DOCUMENT' });
    expect((await ask('ModelInfer', addRequest(), { 'x-covey-routing-key': 'unit-7' })).code).toBe(0);
  });
});

describe('streams', () => {
  test('requests are answered in their order, those that fail by a message, and the stream goes on', async () => {
    const stream = client.stream(service, 'ModelStreamInfer');
    const answers: {
      error_message: string;
      infer_response: { id: string; raw_output_contents: Buffer[] };
    }[] = [];
    stream.on('data', (answer) => answers.push(answer));
    const ended = new Promise<{ code: number }>((resolve) => stream.on('status', resolve));
    const count = 100;
    for (let i = 0; i < count; i++) {
      stream.write(
        i % 10 === 3
          ? { model_name: 'absent', id: `${i}` }
          : addRequest({ id: `${i}`, raw_input_contents: [floats(i, 0)] }),
      );
    }
    stream.end();
    expect((await ended).code).toBe(0);
    expect(answers.map(({ infer_response: { id } }) => id)).toEqual(
      Array.from({ length: count }, (_, i) => `${i}`),
    );
    for (const [i, { error_message: error, infer_response: answer }] of answers.entries()) {
      if (i % 10 === 3) expect(error).toBe('no model absent is deployed here');
      else expect(answer.raw_output_contents[0]).toEqual(floats(i + 1, 1));
    }
  });

  test('a message that is none is told, with what follows it answered', async () => {
    const stream = client.rawStream(`/${service}/ModelStreamInfer`);
    const first = new Promise<Buffer>((resolve) => stream.once('data', resolve));
    stream.write(Buffer.of(0xff, 0xff));
    expect((await first).toString()).toContain('not the protobuf message of this method');
    stream.end();
    const { code } = await new Promise<{ code: number }>((resolve) => stream.on('status', resolve));
    expect(code).toBe(0);
  });

  test('the end of the server ends watches and streams, told as unavailable', async () => {
    const other = await serverWith(
      { add: [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2])] },
      { grpcPort: 0 },
    );
    const visitor = grpcClient(other.grpcUrl ?? '');
    const watch = visitor.watch('grpc.health.v1.Health', 'Watch', { service });
    const told = new Promise<{ status: string }>((resolve) => watch.once('data', resolve));
    expect(await told).toEqual({ status: 'SERVING' });
    const stream = visitor.stream(service, 'ModelStreamInfer');
    stream.write(addRequest());
    await new Promise((resolve) => stream.once('data', resolve));
    const ends = [watch, stream].map((call) => {
      call.on('error', () => {});
      return new Promise<{ code: number }>((resolve) => call.on('status', resolve));
    });
    const closed = other.close();
    for (const end of ends) expect((await end).code).toBe(14);
    visitor.close();
    await closed;
  });
});
