import { afterAll, beforeAll, expect, test } from 'vitest';
import { addModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';

let server: Awaited<ReturnType<typeof serverWith>>;

beforeAll(async () => {
  const add = (constant: number) => [addModel(constant, [-1, 2]), schemaOf('FP32', [-1, 2])] as const;
  server = await serverWith({
    cached: [...add(1), { settings: { cacheBytes: 1024 * 1024 } }],
    plain: [...add(1)],
  });
});
afterAll(() => server.close());

const infer = async (model: string, ...data: number[]) => {
  const body = { inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length / 2, 2], data }] };
  const reply = await server.http.post(`/v2/models/${model}/infer`, body);
  return (reply.json as { outputs: { data: number[] }[] }).outputs[0]?.data;
};
const statistics = async (model: string) => {
  const { json } = await server.http.get(`/v2/models/${model}/stats`);
  const [stats] = (json as { model_stats: Statistics[] }).model_stats;
  if (stats === undefined) throw new Error('no statistics');
  return stats;
};
interface Statistics {
  inference_count: number;
  inference_stats: Record<'success' | 'cache_hit' | 'cache_miss', { count: number }>;
}

test('a model that asks for it is answered from memory, counted as Triton counts', async () => {
  for (const model of ['cached', 'plain']) {
    expect(await infer(model, 1, 2)).toEqual([2, 3]);
    expect(await infer(model, 1, 2)).toEqual([2, 3]);
    expect(await infer(model, 1, 2, 3, 4)).toEqual([2, 3, 4, 5]);
    expect(await infer(model, 1, 2)).toEqual([2, 3]);
  }
  expect(await statistics('cached')).toMatchObject({
    inference_count: 3,
    inference_stats: { success: { count: 4 }, cache_hit: { count: 2 }, cache_miss: { count: 2 } },
  });
  expect(await statistics('plain')).toMatchObject({
    inference_count: 5,
    inference_stats: { success: { count: 4 }, cache_hit: { count: 0 }, cache_miss: { count: 0 } },
  });
});
