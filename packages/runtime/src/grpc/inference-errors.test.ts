import { afterAll, beforeAll, expect, test } from 'vitest';
import { grpcClient } from '../grpc-client.fixture.ts';
import { addModel, countingModel, identityModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';

const service = 'inference.GRPCInferenceService';

let server: Awaited<ReturnType<typeof serverWith>>;
let client: ReturnType<typeof grpcClient>;

beforeAll(async () => {
  server = await serverWith(
    {
      add: [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2])],
      int8: [identityModel('INT8', [-1]), schemaOf('INT8', [-1])],
      count: [countingModel(), schemaOf('INT64', [])],
    },
    { grpcPort: 0 },
  );
  client = grpcClient(server.grpcUrl ?? '');
});
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

const ask = (method: string, request: object, ...rest: [Record<string, string>?]) =>
  client.call(service, method, request, ...rest);

const wrongInput = (changes: object) =>
  addRequest({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], ...changes }] });

test.each<[string, object, number, string, string]>([
  ['model', { model_name: 'absent' }, 5, 'MODEL_UNKNOWN', 'absent'],
  ['version', { ...addRequest(), model_version: '9' }, 5, 'MODEL_UNKNOWN', 'not 9'],
  ['datatype', wrongInput({ datatype: 'INT32' }), 3, 'INPUT_INVALID', 'expected FP32, got INT32'],
  ['datatype that is none', wrongInput({ datatype: 'BF16' }), 3, 'INPUT_INVALID', 'expected FP32, got BF16'],
  ['datatype that ends with a space', wrongInput({ datatype: 'FP3 ' }), 3, 'INPUT_INVALID', 'got FP3 '],
  ['input that begins with one', wrongInput({ name: ' ' }), 3, 'INPUT_INVALID', 'no input  ;'],
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
    inputs: [{ name: 'x', datatype: 'INT64', shape: [], contents: { int64_contents: [300_000] } }],
  };
  const late = client.call(service, 'ModelInfer', slow, {}, { deadline: Date.now() + 60 });
  expect(await late).toMatchObject({ code: 4 });
  const named = await ask('ModelInfer', addRequest(), { 'x-covey-routing-key': 'k'.repeat(257) });
  expect(named).toMatchObject({ code: 3, errorCode: 'INVALID_DOCUMENT' });
  expect((await ask('ModelInfer', addRequest(), { 'x-covey-routing-key': 'unit-7' })).code).toBe(0);
});
