import { ExponentialHistogramAccumulator } from '@covey/stats';
import fc from 'fast-check';
import parse from 'parse-prometheus-text-format';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { identityModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';
import { secondsBuckets } from './buckets.ts';
import { Exposition } from './exposition.ts';

interface Family {
  name: string;
  type: string;
  metrics: {
    labels?: Record<string, string>;
    value?: string;
    buckets?: Record<string, string>;
    count?: string;
    sum?: string;
  }[];
}
/** Of histograms the parser forgets the labels: without their type it sees each of their samples as it is. */
const families = (text: string) => {
  const plain = text.replaceAll(
    /^# (?:HELP|TYPE) (covey_inference_(?:\w+_duration_seconds|batch_size)|covey_event_loop_delay_seconds) .*$\n/gm,
    '',
  );
  return new Map((parse(plain) as Family[]).map((family) => [family.name, family]));
};

test('buckets of an exponential histogram are exact, at every scale that durations give', () => {
  const durations = fc.array(
    fc.oneof(
      fc.double({ min: 1e-7, max: 1e6, noNaN: true }),
      fc.integer({ min: -8, max: 18 }).map((power) => 2 ** power),
      fc.constant(0),
    ),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(durations, (all) => {
      const histogram = new ExponentialHistogramAccumulator();
      histogram.addAll(all);
      const totalMs = all.reduce((sum, ms) => sum + ms, 0);
      const { buckets, count, sum } = secondsBuckets(histogram.toMessage(), { count: all.length, totalMs });
      for (const { bound, count } of buckets) {
        expect(count).toBe(all.filter((ms) => ms <= bound * 1_000).length);
      }
      expect({ count, sum }).toEqual({ count: all.length, sum: totalMs / 1_000 });
    }),
  );
});

test('labels may hold anything', () => {
  const text = new Exposition();
  text.gauge('a', 'Help.', [[{ label: 'a "quoted" \\ and\nbroken' }, 1]]);
  expect(families(text.toString()).get('a')?.metrics).toEqual([
    { value: '1', labels: { label: 'a "quoted" \\ and\nbroken' } },
  ]);
});

describe('GET /metrics', () => {
  let server: Awaited<ReturnType<typeof serverWith>>;
  const infer = (shape: number[], data: number[]) =>
    server.http.post('/v2/models/same/infer', { inputs: [{ name: 'x', datatype: 'FP32', shape, data }] });

  beforeAll(async () => {
    server = await serverWith({ same: [identityModel('FP32', [-1, 2]), schemaOf('FP32', [-1, 2])] });
  });
  afterAll(() => server.close());

  test('tells in Prometheus’ text format what was asked and how it went', async () => {
    for (let i = 0; i < 3; i++) expect((await infer([2, 2], [1, 2, 3, 4])).status).toBe(200);
    expect((await infer([2, 3], [1, 2, 3, 4, 5, 6])).status).toBe(400);
    const reply = await fetch(`${server.url}/metrics`);
    expect(reply.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await reply.text();
    const found = families(text);
    const labels = { model: 'same', version: '1.2.0', variant: 'fp32', provider: 'cpu' };
    const values = (name: string) => found.get(name)?.metrics;
    expect(values('covey_inference_requests_total')).toContainEqual({
      labels: { ...labels, outcome: 'success' },
      value: '3',
    });
    expect(values('covey_inference_requests_total')).toContainEqual({
      labels: { ...labels, outcome: 'INVALID' },
      value: '1',
    });
    expect(values('covey_inference_inferences_total')).toEqual([{ labels, value: '6' }]);
    expect(values('covey_inference_executions_total')).toEqual([{ labels, value: '3' }]);
    expect(values('covey_inference_sessions')).toEqual([{ labels, value: '1' }]);
    for (const part of ['request', 'queue', 'input', 'infer', 'output']) {
      const name = `covey_inference_${part}_duration_seconds`;
      expect(text).toContain(`# TYPE ${name} histogram\n`);
      expect(values(`${name}_count`)).toEqual([{ labels, value: '3' }]);
      expect(Number(values(`${name}_sum`)?.[0]?.value)).toBeLessThan(3);
      const buckets = values(`${name}_bucket`)?.map(({ labels, value }) => [labels?.le, Number(value)]) ?? [];
      expect(buckets.at(-1)).toEqual(['+Inf', 3]);
      expect(buckets.toSorted(([, a], [, b]) => Number(a) - Number(b))).toEqual(buckets);
    }
    expect(values('covey_inference_batch_size_bucket')).toContainEqual({
      labels: { ...labels, le: '1' },
      value: '0',
    });
    expect(values('covey_inference_batch_size_bucket')).toContainEqual({
      labels: { ...labels, le: '2' },
      value: '3',
    });
    expect(Number(values('process_resident_memory_bytes')?.[0]?.value)).toBeGreaterThan(1e6);
    for (const { name, type } of found.values()) {
      if (type !== 'UNTYPED') expect(name.endsWith('_total')).toBe(type === 'COUNTER');
    }
  });

  test('nothing else is served there', async () => {
    expect((await fetch(`${server.url}/metrics`, { method: 'POST', body: '{}' })).status).toBe(405);
    expect((await fetch(`${server.url}/metrics/more`)).status).toBe(404);
  });
});
