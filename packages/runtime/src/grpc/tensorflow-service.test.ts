import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grpcClient } from '../grpc-client.fixture.ts';
import { addModel, identityModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';

const prediction = 'tensorflow.serving.PredictionService';
const types = [
  ['BOOL', 'DT_BOOL', 'bool_val', [true, false], [1, 0]],
  ['UINT8', 'DT_UINT8', 'int_val', [0, 255], [0, 255]],
  ['UINT16', 'DT_UINT16', 'int_val', [1, 65_535], [1, 0, 255, 255]],
  ['UINT32', 'DT_UINT32', 'uint32_val', [1, 4_294_967_295], [1, 0, 0, 0, 255, 255, 255, 255]],
  ['UINT64', 'DT_UINT64', 'uint64_val', [5], [5, 0, 0, 0, 0, 0, 0, 0]],
  ['INT8', 'DT_INT8', 'int_val', [-128, 127], [128, 127]],
  ['INT16', 'DT_INT16', 'int_val', [-2], [254, 255]],
  ['INT32', 'DT_INT32', 'int_val', [-1], [255, 255, 255, 255]],
  ['INT64', 'DT_INT64', 'int64_val', [-2, 300], [254, ...Array(7).fill(255), 44, 1, 0, 0, 0, 0, 0, 0]],
  ['FP16', 'DT_HALF', 'half_val', [15_360], [0, 60]],
  ['FP32', 'DT_FLOAT', 'float_val', [1, -0.5], [0, 0, 128, 63, 0, 0, 0, 191]],
  ['FP64', 'DT_DOUBLE', 'double_val', [1], [0, 0, 0, 0, 0, 0, 240, 63]],
] as const;

let server: Awaited<ReturnType<typeof serverWith>>;
let client: ReturnType<typeof grpcClient>;
const predict = (request: object) => client.call(prediction, 'Predict', request);

beforeAll(async () => {
  const identities = [...types.map(([datatype]) => datatype), 'BYTES' as const].map((datatype) => [
    datatype.toLowerCase(),
    [identityModel(datatype, [-1]), schemaOf(datatype, [-1])],
  ]);
  const add = [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2])];
  server = await serverWith({ ...Object.fromEntries(identities), add }, { tensorflowServingPort: 0 });
  client = grpcClient(server.tensorflowServingUrl ?? '');
}, 60_000);
afterAll(async () => {
  client.close();
  await server.close();
}, 30_000);

const shaped = (...shape: number[]) => ({ dim: shape.map((size) => ({ size })) });
const x = (changes: object = {}) => ({
  model_spec: { name: 'add' },
  inputs: { x: { dtype: 'DT_FLOAT', tensor_shape: shaped(1, 2), float_val: [1, 2], ...changes } },
});

describe('Predict', () => {
  test.each(types)('%s as content and as a list', async (datatype, dtype, list, values, bytes) => {
    const form = { dtype, tensor_shape: shaped(values.length) };
    for (const elements of [{ [list]: values }, { tensor_content: Buffer.from(bytes) }]) {
      const outcome = await predict({
        model_spec: { name: datatype.toLowerCase() },
        inputs: { x: { ...form, ...elements } },
      });
      expect(outcome).toMatchObject({ code: 0, details: '' });
      expect(outcome.answer.outputs.y).toMatchObject({ ...form, [list]: values });
    }
  });

  test('texts are a list', async () => {
    const tensor = {
      dtype: 'DT_STRING',
      tensor_shape: shaped(2),
      string_val: [Buffer.from('ab'), Buffer.from('')],
    };
    const { answer } = await predict({ model_spec: { name: 'bytes' }, inputs: { x: tensor } });
    expect(answer.outputs.y?.string_val).toEqual(tensor.string_val);
    const content = { ...tensor, string_val: [], tensor_content: Buffer.of(2, 0, 97, 98) };
    expect(await predict({ model_spec: { name: 'bytes' }, inputs: { x: content } })).toMatchObject({
      code: 3,
      details: expect.stringContaining('string_val'),
    });
  });

  test('the last element of a list stands for those that are missing', async () => {
    const { answer } = await predict(x({ tensor_shape: shaped(2, 2), float_val: [1, 5] }));
    expect(answer.outputs.y?.float_val).toEqual([2, 6, 6, 6]);
  });

  test('versions are numbers, outputs are filtered, and the answer says who gave it', async () => {
    const { answer } = await predict({
      ...x(),
      model_spec: { name: 'add', version: { value: 3 }, signature_name: 'serving_default' },
      output_filter: ['y'],
    });
    expect(answer.model_spec).toMatchObject({
      name: 'add',
      version: { value: 3 },
      signature_name: 'serving_default',
    });
    expect(answer.outputs.y?.float_val).toEqual([2, 3]);
  });

  test.each<[string, object, number, string]>([
    ['model', { ...x(), model_spec: { name: 'absent' } }, 5, 'absent'],
    ['version', { ...x(), model_spec: { name: 'add', version: { value: 4 } } }, 5, 'not 4'],
    ['label', { ...x(), model_spec: { name: 'add', version_label: 'canary' } }, 5, 'canary'],
    ['signature', { ...x(), model_spec: { name: 'add', signature_name: 'other' } }, 3, 'serving_default'],
    ['type', x({ dtype: 'DT_INT32' }), 3, 'expected DT_FLOAT, got DT_INT32'],
    ['shape', x({ tensor_shape: shaped(1, 3) }), 3, 'expected shape [-1,2], got [1,3]'],
    ['negative shape', x({ tensor_shape: shaped(-1, -2) }), 3, 'out of range'],
    ['content', x({ tensor_content: Buffer.alloc(4) }), 3, 'takes 8 bytes, got 4'],
    ['empty list', x({ float_val: [] }), 3, 'holds 2 elements, the contents 0'],
    ['long list', x({ float_val: [1, 2, 3] }), 3, 'the contents more'],
    ['name', { model_spec: { name: 'add' }, inputs: { z: {} } }, 3, 'the model has no input z'],
    ['nothing', {}, 5, 'no model'],
    ['filter', { ...x(), output_filter: ['z'] }, 3, 'no output z'],
  ])('wrong %s', async (_what, request, code, words) => {
    expect(await predict(request)).toMatchObject({ code, details: expect.stringContaining(words) });
  });
});

test('a model describes itself, and its status', async () => {
  const metadata = await client.call(prediction, 'GetModelMetadata', {
    model_spec: { name: 'add' },
    metadata_field: ['signature_def'],
  });
  const { type_url: type, value } = metadata.answer.metadata.signature_def ?? expect.unreachable();
  expect(type).toBe('type.googleapis.com/tensorflow.serving.SignatureDefMap');
  const serving_default = {
    inputs: { x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: -1 }, { size: 2 }] } } },
    method_name: 'tensorflow/serving/predict',
  };
  expect(client.decode('tensorflow.serving.SignatureDefMap', value)).toMatchObject({
    signature_def: { serving_default },
  });
  expect((await client.call(prediction, 'GetModelMetadata', { model_spec: { name: 'add' } })).code).toBe(3);

  const status = await client.call('tensorflow.serving.ModelService', 'GetModelStatus', {
    model_spec: { name: 'add' },
  });
  expect(status.answer.model_version_status).toMatchObject([
    { version: 3, state: 'AVAILABLE', status: { error_code: 'OK' } },
  ]);
  expect((await client.raw(`/${prediction}/Classify`, Buffer.alloc(0))).code).toBe(12);
});
