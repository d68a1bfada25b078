import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { identityModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';
import { operatorTimes } from './profile.ts';

test('sums the kernels of nodes by operator and provider, slowest first', () => {
  const node = (name: string, op_name: string, dur: number) => ({
    cat: 'Node',
    name,
    dur,
    args: { op_name, provider: 'CPUExecutionProvider' },
  });
  const events = [
    { cat: 'Session', name: 'model_run', dur: 100_000 },
    node('a_kernel_time', 'Conv', 1_000),
    node('a_fence_before', 'Conv', 9_000),
    node('b_kernel_time', 'Conv', 2_000),
    node('a_kernel_time', 'Conv', 3_000),
    node('c_kernel_time', 'Relu', 2_000),
  ];
  const provider = 'CPUExecutionProvider';
  expect(operatorTimes(events)).toEqual([
    { operator: 'Conv', provider, nodes: 2, runs: 3, totalMs: 6, share: 0.75 },
    { operator: 'Relu', provider, nodes: 1, runs: 1, totalMs: 2, share: 0.25 },
  ]);
  expect(operatorTimes([])).toEqual([]);
});

describe('a profile on demand', () => {
  let server: Awaited<ReturnType<typeof serverWith>>;
  beforeAll(async () => {
    server = await serverWith({ same: [identityModel('FP32', [-1, 2]), schemaOf('FP32', [-1, 2])] });
  });
  afterAll(() => server.close());

  test('tells the operators by time, with the trace they are from', async () => {
    const first = server.http.post('/v2/models/same/profile', { seconds: 0.2 });
    const second = server.http.post('/v2/models/same/profile', { seconds: 0.2 });
    const replies = await Promise.all([first, second]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 409]);
    const profile = replies.find(({ status }) => status === 200)?.json;
    expect(profile).toMatchObject({
      model_name: 'same',
      model_version: '1.2.0',
      variant: 'fp32',
      operators: [{ operator: 'Identity', provider: 'CPUExecutionProvider', nodes: 1, share: 1 }],
      trace: expect.arrayContaining([expect.objectContaining({ cat: 'Node' })]),
    });
  });

  test('of a time and a model that there are', async () => {
    const ask = (model: string, body: unknown) => server.http.post(`/v2/models/${model}/profile`, body);
    expect((await ask('same', { seconds: 61 })).status).toBe(400);
    expect((await ask('same', 'null')).status).toBe(400);
    expect((await ask('same', { seconds: 'x' })).status).toBe(400);
    expect((await ask('other', {})).status).toBe(404);
    expect((await server.http.get('/v2/models/same/profile')).status).toBe(405);
  });
});
