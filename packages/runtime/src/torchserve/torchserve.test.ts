import type { Pipeline } from '@covey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addModel, identityModel, pairModel, pairSchema, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';

const fp32 = (name: string, shape: number[]) => ({ name, datatype: 'FP32' as const, shape });
const detections: Pipeline = {
  inputs: [fp32('boxes', [-1, 4]), fp32('scores', [-1, 1])],
  stages: [
    {
      ...{ kind: 'non-maximum-suppression', boxes: 'boxes', scores: 'scores', background: null },
      ...{ threshold: 0.5, suppression: 0.5, perClass: true, most: 9 },
      outputs: { boxes: 'kept', scores: 'certainty', classes: 'class' },
    },
  ],
  outputs: [fp32('kept', [-1, 4])],
};
const plain: Pipeline = {
  inputs: [fp32('x', [-1, 2])],
  stages: [{ kind: 'model', inputs: { x: 'x' }, outputs: { y: 'y' } }],
  outputs: [fp32('y', [-1, 2])],
};
let server: Awaited<ReturnType<typeof serverWith>>;
let http: typeof server.http;

beforeAll(async () => {
  server = await serverWith({
    add: [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2])],
    pair: [pairModel(), pairSchema],
    detector: [identityModel('FP32', [-1, 4]), schemaOf('FP32', [-1, 4]), { pipeline: detections }],
    same: [identityModel('FP32', [-1, 2]), schemaOf('FP32', [-1, 2]), { pipeline: plain }],
    text: [identityModel('BYTES', [-1]), schemaOf('BYTES', [-1])],
  });
  http = server.http;
}, 60_000);
afterAll(() => server.close());

const floats = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer);
const json = { 'content-type': 'application/json' };

describe('predictions', () => {
  const predict = (model: string, body: unknown, headers = json) =>
    http.post(`/predictions/${model}`, body, headers);

  test('JSON: one instance is answered as one, several as a list, named or not', async () => {
    expect((await predict('add', [1, 2])).json).toEqual([2, 3]);
    expect((await predict('add', [[1, 2]])).json).toEqual([[2, 3]]);
    expect(
      (
        await predict('add', {
          data: [
            [1, 2],
            [3, 4],
          ],
        })
      ).json,
    ).toEqual([
      [2, 3],
      [4, 5],
    ]);
    expect((await predict('add', { x: [1, 2] })).json).toEqual([2, 3]);
    expect((await predict('pair', { x: [[1, 2]], t: ['a', 'b'] })).json).toEqual({
      y: [[1, 2]],
      u: ['a', 'b'],
    });
  });

  test('a pipeline’s answer keeps its form, however many rows it has', async () => {
    expect((await predict('detector', { boxes: [[0, 0, 1, 1]], scores: [[0.9]] })).json).toEqual([
      [0, 0, 1, 1],
    ]);
    const apart = [
      [0, 0, 1, 1],
      [2, 2, 3, 3],
    ];
    expect((await predict('detector', { boxes: apart, scores: [[0.9], [0.8]] })).json).toEqual(apart);
    expect((await http.send('PUT', '/predictions/same', floats(1, 2))).json).toEqual([[1, 2]]);
  });

  test('raw: the bytes of the elements, or one BYTES element, by POST or PUT', async () => {
    expect((await http.send('PUT', '/predictions/add', floats(1, 2))).json).toEqual([2, 3]);
    expect((await http.send('POST', '/predictions/add/3', floats(1, 2, 3, 4))).json).toEqual([
      [2, 3],
      [4, 5],
    ]);
    expect((await http.send('POST', '/predictions/text', 'a text')).json).toBe('a text');
  });

  test('a form: one part for each input', async () => {
    const form = new FormData();
    form.append('x', new Blob([floats(5, 6)]), 'x.bin');
    form.append('t', 'line\r\n--line');
    const encoded = new Response(form);
    const headers = { 'content-type': encoded.headers.get('content-type') ?? '' };
    const body = new Uint8Array(await encoded.arrayBuffer());
    expect((await http.post('/predictions/pair', body, headers)).json).toEqual({
      y: [5, 6],
      u: 'line\r\n--line',
    });
    const data = new FormData();
    data.append('data', new Blob([floats(1, 2)]));
    const single = new Response(data);
    const reply = await http.post('/predictions/add', new Uint8Array(await single.arrayBuffer()), {
      'content-type': single.headers.get('content-type') ?? '',
    });
    expect(reply.json).toEqual([2, 3]);
  });

  test.each([
    ['an unknown input', { z: 1 }, json],
    ['a wrong shape', [1, 2, 3], json],
    ['ragged lists', [[1, 2], [3]], json],
    ['broken JSON', '{', json],
    ['bytes that fill no row', floats(1, 2, 3), { 'content-type': 'application/octet-stream' }],
    ['a form without its boundary', 'x', { 'content-type': 'multipart/form-data' }],
    ['a form that is none', 'x', { 'content-type': 'multipart/form-data; boundary=b' }],
    [
      'a form cut short',
      '--b\r\ncontent-disposition: form-data; name="data"\r\n\r\nx',
      { 'content-type': 'multipart/form-data; boundary=b' },
    ],
  ])('%s is 400', async (_what, body, headers) => {
    expect(await predict('add', body, headers)).toMatchObject({
      status: 400,
      json: { code: 400, type: 'BadRequestException', message: expect.any(String) },
    });
  });
});

test('ping', async () => {
  expect(await http.get('/ping')).toMatchObject({ status: 200, json: { status: 'Healthy' } });
});

test.each([
  ['POST', '/predictions/none', 404, 'ModelNotFoundException'],
  ['POST', '/predictions/add/9', 404, 'ModelNotFoundException'],
  ['GET', '/predictions/add', 405, 'MethodNotAllowedException'],
  ['GET', '/ping/more', 404, 'ResourceNotFoundException'],
])('%s %s is %i %s', async (method, path, status, type) => {
  expect(await http.send(method, path)).toMatchObject({ status, json: { code: status, type } });
});
