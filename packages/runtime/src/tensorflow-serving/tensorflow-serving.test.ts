import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addModel, identityModel, pairModel, pairSchema, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';

let server: Awaited<ReturnType<typeof serverWith>>;
let http: typeof server.http;

beforeAll(async () => {
  server = await serverWith({
    add: [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2])],
    pair: [pairModel(), pairSchema],
    int64: [identityModel('INT64', [-1]), schemaOf('INT64', [-1])],
    fixed: [identityModel('FP32', [2]), schemaOf('FP32', [2])],
    texts: [
      identityModel('BYTES', [-1]),
      { ...schemaOf('BYTES', [-1]), inputs: [{ name: 'x', datatype: 'BYTES', shape: [-1] }] },
    ],
  });
  http = server.http;
}, 60_000);
afterAll(() => server.close());

describe('predict', () => {
  const predict = (model: string, body: unknown) => http.post(`/v1/models/${model}:predict`, body);

  test('rows: the name of a single tensor is dropped, and several are objects', async () => {
    const rows = {
      signature_name: 'serving_default',
      instances: [
        [1, 2],
        [3, 4],
      ],
    };
    expect(await predict('add', rows)).toMatchObject({
      status: 200,
      json: {
        predictions: [
          [2, 3],
          [4, 5],
        ],
      },
    });
    const named = { instances: [{ x: [1, 2] }, { x: [3, 4] }] };
    expect((await predict('add', named)).json).toEqual({
      predictions: [
        [2, 3],
        [4, 5],
      ],
    });
    const several = {
      instances: [
        { x: [1, 2], t: 'ä' },
        { t: { b64: 'eA==' }, x: [3, 4] },
      ],
    };
    expect((await predict('pair', several)).json).toEqual({
      predictions: [
        { y: [1, 2], u: 'ä' },
        { y: [3, 4], u: 'x' },
      ],
    });
  });

  test('columns', async () => {
    expect((await predict('add', { inputs: [[1, 2]] })).json).toEqual({ outputs: [[2, 3]] });
    expect((await predict('add', { inputs: { x: [[1, 2]] } })).json).toEqual({ outputs: [[2, 3]] });
    expect((await predict('fixed', { inputs: [1, 2] })).json).toEqual({ outputs: [1, 2] });
    const several = { inputs: { x: [[1, 2]], t: [{ b64: 'aGk=' }] } };
    expect((await predict('pair', several)).json).toEqual({ outputs: { y: [[1, 2]], u: ['hi'] } });
  });

  test('64-bit integers are exact, as numbers and as texts', async () => {
    const reply = await predict('int64', '{"instances":[9223372036854775807,"-9223372036854775808",0]}');
    expect(reply.body.toString()).toBe('{"predictions":[9223372036854775807,-9223372036854775808,0]}');
  });

  test('versions are numbers, and no other text', async () => {
    const body = { instances: [[1, 2]] };
    expect(await http.post('/v1/models/add/versions/3:predict', body)).toMatchObject({ status: 200 });
    expect(await http.post('/v1/models/add/versions/4:predict', body)).toMatchObject({ status: 404 });
    expect(await http.post('/v1/models/add/versions/1.2.0:predict', body)).toMatchObject({ status: 400 });
    expect(await http.post('/v1/models/add/labels/7:predict', body)).toMatchObject({ status: 400 });
    expect(await http.post('/v1/models/add/labels/none:predict', body)).toMatchObject({ status: 404 });
  });

  test.each([
    ['neither form', {}, 'instances or inputs'],
    ['both forms', { instances: [[1, 2]], inputs: [[1, 2]] }, 'not both'],
    ['no instances', { instances: [] }, 'not empty'],
    ['no list', { instances: 5 }, 'not empty'],
    ['a signature that is not there', { signature_name: 'other', instances: [[1, 2]] }, 'serving_default'],
    ['lists of other lengths', { instances: [[1, 2], [3], [4, 5, 6]] }, 'not all of one length'],
    ['a wrong shape', { instances: [[1, 2, 3]] }, 'expected shape [-1,2], got [1,3]'],
    ['a wrong element', { instances: [[1, 'two']] }, 'element 1 must be FP32, got "two"'],
    ['an unknown input', { instances: [{ z: [1, 2] }] }, 'no input z'],
    [
      'other names in other instances',
      { instances: [{ x: [1, 2] }, { z: [1, 2] }] },
      'instance 1 names other',
    ],
    ['no object', [1], 'must be an object'],
  ])('%s is 400', async (_what, body, error) => {
    expect(await predict('add', body)).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining(error) },
    });
  });

  test('an output that has no row for each instance needs columns', async () => {
    expect(await predict('pair', { instances: [{ x: [1, 2] }] })).toMatchObject({
      status: 400,
      json: { error: 'input t is missing' },
    });
    expect(await predict('texts', { instances: [{ b64: '/w==' }] })).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining('not UTF-8') },
    });
    expect(await predict('texts', { instances: [{ b64: 'no base64' }] })).toMatchObject({ status: 400 });
  });
});

test('status and metadata', async () => {
  expect((await http.get('/v1/models/add')).json).toEqual({
    model_version_status: [
      { version: '3', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } },
    ],
  });
  expect((await http.get('/v1/models/add/versions/3')).json).toMatchObject({
    model_version_status: [{ version: '3' }],
  });
  const tensor = (name: string) => ({
    dtype: 'DT_FLOAT',
    tensor_shape: {
      dim: [
        { size: '-1', name: '' },
        { size: '2', name: '' },
      ],
      unknown_rank: false,
    },
    name,
  });
  expect((await http.get('/v1/models/add/metadata')).json).toMatchObject({
    model_spec: { name: 'add', version: '3' },
    metadata: {
      signature_def: {
        signature_def: { serving_default: { inputs: { x: tensor('x') }, outputs: { y: tensor('y') } } },
      },
    },
  });
  expect((await http.get('/v1/models')).json).toEqual({ models: ['add', 'pair', 'int64', 'fixed', 'texts'] });
});

test.each([
  ['GET', '/v1/models/none', 404],
  ['POST', '/v1/models/none:predict', 404],
  ['GET', '/v1/models/add:predict', 405],
  ['POST', '/v1/models/add:classify', 501],
  ['POST', '/v1/models/add:other', 404],
  ['GET', '/v1/elsewhere', 404],
  ['GET', '/v1/models/add/versions/3/more', 404],
])('%s %s is %i', async (method, path, status) => {
  expect(await http.send(method, path)).toMatchObject({ status, json: { error: expect.any(String) } });
});
