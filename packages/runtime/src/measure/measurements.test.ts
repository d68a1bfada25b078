import { simulatedWorld } from '@covey/ports/simulated';
import type { Metrics, Summary } from '@covey/protocol';
import { quantile } from '@covey/stats';
import { expect, test } from 'vitest';
import { loadedModel, schemaOf } from '../models.fixture.ts';
import { createMeasurements, type MeasuredInstance } from './measurements.ts';
import { median } from './median.ts';

const instance = (version = '1.0.0'): MeasuredInstance => ({
  model: loadedModel('/m.onnx', schemaOf('FP32', [-1, 2]), { version }),
  reference: undefined,
});
const rows = (...values: number[]) => ({
  datatype: 'FP32' as const,
  shape: [values.length / 2, 2],
  data: new Uint8Array(new Float32Array(values).buffer),
});

function measured() {
  const world = simulatedWorld(1);
  const metrics: Metrics[] = [];
  const summaries: Summary[] = [];
  const measurements = createMeasurements({
    clock: world.clock,
    metricsIntervalMs: 1_000,
    summaryIntervalMs: 5_000,
    onMetrics: (message) => metrics.push(message),
    onSummary: (message) => summaries.push(message),
  });
  return { world, metrics, summaries, measurements };
}

test('windows end at multiples of their interval and follow each other without a gap', async () => {
  const { world, metrics } = measured();
  await world.advance(300);
  await world.advance(3_000);
  expect(metrics.map(({ toMs }) => toMs % 1_000)).toEqual([0, 0, 0]);
  expect(metrics.slice(1).map(({ fromMs }) => fromMs)).toEqual(metrics.slice(0, -1).map(({ toMs }) => toMs));
});

test('counts and latencies per version, each in one window only', async () => {
  const { world, metrics, measurements } = measured();
  const [old, now] = [instance('1.0.0'), instance('2.0.0')];
  for (const latencyMs of [1, 2, 30]) measurements.served(old, latencyMs);
  measurements.failed(old);
  measurements.rejected(now);
  await world.advance(2_000);
  const [first, second] = metrics;
  expect(first?.models).toMatchObject([
    { model: 'm', version: '1.0.0', variant: 'fp32', provider: 'cpu', requests: 4, errors: 1, rejected: 0 },
    { version: '2.0.0', requests: 0, rejected: 1 },
  ]);
  const latency = first?.models[0]?.latencyMs;
  expect(latency && quantile(latency, 0.5)?.value).toBeCloseTo(2, 1);
  expect(second?.models).toEqual([]);
});

test('summaries count inferences of a batch; a released instance says at once what it has', async () => {
  const { world, summaries, measurements } = measured();
  const gone = instance();
  measurements.observe(gone, { x: rows(1, 2, 3, 4) }, { y: rows(2, 3, 4, 5) });
  measurements.release(gone);
  expect(summaries).toMatchObject([
    { model: 'm', inferences: 2, tensors: [{ name: 'x' }, { name: 'y', output: true }] },
  ]);
  await world.advance(10_000);
  expect(summaries).toHaveLength(1);
});

test('stop gives out everything and nothing after', async () => {
  const { world, metrics, summaries, measurements } = measured();
  measurements.served(instance(), 1);
  measurements.observe(instance(), { x: rows(1, 2) }, { y: rows(1, 2) });
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
