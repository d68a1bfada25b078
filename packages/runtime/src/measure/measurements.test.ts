import { simulatedWorld } from '@covey/ports/simulated';
import type { Metrics, Summary } from '@covey/protocol';
import { quantile } from '@covey/stats';
import { expect, test } from 'vitest';
import { loadedModel, schemaOf } from '../models.fixture.ts';
import { createMeasurements, type MeasuredInstance } from './measurements.ts';
import { median } from './median.ts';
import { createStatistics } from './statistics.ts';

const instance = (version = '1.0.0'): MeasuredInstance => ({
  model: loadedModel('/m.onnx', schemaOf('FP32', [-1, 2]), { version }),
  reference: undefined,
  state: { waiting: 3, running: 1, sessions: 1 },
});
const rows = (...values: number[]) => ({
  datatype: 'FP32' as const,
  shape: [values.length / 2, 2],
  data: new Uint8Array(new Float32Array(values).buffer),
});
const timings = { queueMs: 0.25, inputMs: 0.5, inferMs: 8, outputMs: 0.125, batchSize: 4 };

function measured(summaryShare = 1) {
  const world = simulatedWorld(1);
  const metrics: Metrics[] = [];
  const summaries: Summary[] = [];
  const statistics = createStatistics(() => world.clock.now());
  const measurements = createMeasurements({
    clock: world.clock,
    random: () => 0.5,
    statistics,
    metricsIntervalMs: 1_000,
    summaryIntervalMs: 5_000,
    summaryShare,
    onMetrics: (message) => metrics.push(message),
    onSummary: (message) => summaries.push(message),
  });
  return { world, metrics, summaries, measurements, statistics };
}

test('windows end at multiples of their interval and follow each other without a gap', async () => {
  const { world, metrics } = measured();
  await world.advance(300);
  await world.advance(3_000);
  expect(metrics.map(({ toMs }) => toMs % 1_000)).toEqual([0, 0, 0]);
  expect(metrics.slice(1).map(({ fromMs }) => fromMs)).toEqual(metrics.slice(0, -1).map(({ toMs }) => toMs));
});

test('counts and latencies per version, each in one window only', async () => {
  const { world, metrics, statistics } = measured();
  const [old, now] = [instance('1.0.0'), instance('2.0.0')];
  for (const latencyMs of [1, 2, 30]) statistics.served(old, { x: rows(1, 2) }, latencyMs, timings);
  statistics.failed(old, 'INFERENCE_FAILED', 1);
  statistics.failed(now, 'OVERLOADED', 0);
  statistics.cached(now, true);
  await world.advance(2_000);
  const [first, second] = metrics;
  expect(first?.models).toMatchObject([
    { model: 'm', version: '1.0.0', variant: 'fp32', provider: 'cpu', requests: 4, errors: 1, rejected: 0 },
    { version: '2.0.0', requests: 0, rejected: 1, cacheHits: 1, cacheMisses: 0 },
  ]);
  // Three requests of one inference each, all in runs of four: three quarters of a run.
  expect(first?.models[0]).toMatchObject({ inferences: 3, executions: 0.75, busyMs: 6, pending: 3 });
  expect(first?.models[0]?.batches).toMatchObject([{ size: 4, executions: 0.75 }]);
  expect(first?.models[0]?.failures).toMatchObject([{ reason: 'BACKEND', count: 1 }]);
  expect(first?.models[1]?.failures).toMatchObject([{ reason: 'REJECTED', count: 1 }]);
  for (const [histogram, value] of [
    [first?.models[0]?.latencyMs, 2],
    [first?.models[0]?.queueMs, 0.25],
    [first?.models[0]?.inputMs, 0.5],
    [first?.models[0]?.inferMs, 8],
    [first?.models[0]?.outputMs, 0.125],
  ] as const) {
    expect(histogram && quantile(histogram, 0.5)?.value).toBeCloseTo(value, 1);
  }
  expect(second?.models).toEqual([]);
});

test('an answer from the cache is a request answered, and no inference', () => {
  const { statistics } = measured();
  const one = instance();
  const cached = { queueMs: 0, inputMs: 0, inferMs: 0, outputMs: 0, batchSize: 0 };
  statistics.served(one, { x: rows(1, 2) }, 0.1, cached);
  const { success, infer, inferences, executions, batches } = statistics.of(one);
  expect({
    requests: success.count,
    computed: infer.count,
    inferences,
    executions,
    runs: batches.size,
  }).toEqual({
    requests: 1,
    computed: 0,
    inferences: 0,
    executions: 0,
    runs: 0,
  });
});

test('what was counted since a model was loaded is the sum of its windows', async () => {
  const { world, statistics } = measured();
  const one = instance();
  for (let i = 1; i <= 5; i++) {
    statistics.served(one, { x: rows(1, 2, 3, 4) }, i, timings);
    statistics.failed(one, 'DEADLINE_EXCEEDED', 10);
    await world.advance(700);
  }
  const { success, fail, failures, inferences, executions, batches, queue } = statistics.of(one);
  expect({ ...success, ...fail }).toMatchObject({ count: 5, totalMs: 50 });
  expect(success.totalMs).toBe(15);
  expect([...failures]).toEqual([['DEADLINE', 5]]);
  expect({ inferences, executions }).toEqual({ inferences: 10, executions: 2.5 });
  expect(batches.get(4)?.infer).toEqual({ count: 2.5, totalMs: 20 });
  expect(quantile(success.histogram.toMessage(), 1)?.value).toBeCloseTo(5, 1);
  expect(queue.count).toBe(5);
  expect(statistics.of(instance()).success.count).toBe(0);
});

test('summaries count inferences of a batch; a released instance says at once what it has', async () => {
  const { world, summaries, measurements } = measured();
  const gone = instance();
  void measurements.sampled(gone, { x: rows(1, 2, 3, 4) }, { y: rows(2, 3, 4, 5) })?.();
  measurements.release(gone);
  expect(summaries).toMatchObject([
    {
      model: 'm',
      inferences: 2,
      answeredInferences: 2,
      tensors: [{ name: 'x' }, { name: 'y', output: true }],
    },
  ]);
  await world.advance(10_000);
  expect(summaries).toHaveLength(1);
});

test('a request that is not in the sample is let go at once, and counted', async () => {
  const { summaries, measurements } = measured(0);
  expect(measurements.sampled(instance(), { x: rows(1, 2) }, { y: rows(1, 2) })).toBeUndefined();
  measurements.stop();
  expect(summaries).toEqual([]);
});

test('stop gives out everything and nothing after', async () => {
  const { world, metrics, summaries, measurements, statistics } = measured();
  statistics.served(instance(), { x: rows(1, 2) }, 1, timings);
  void measurements.sampled(instance(), { x: rows(1, 2) }, { y: rows(1, 2) })?.();
  measurements.stop();
  expect(metrics).toMatchObject([{ models: [{ requests: 1 }] }]);
  expect(summaries).toHaveLength(1);
  await world.advance(60_000);
  expect(metrics).toHaveLength(1);
});

test('median', () => {
  expect(median([])).toBeNull();
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});
