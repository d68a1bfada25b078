import { MetricsAnswer, SummariesAnswer } from '@covey/protocol/api';
import { encodeTelemetry } from '@covey/protocol/telemetry';
import { ExponentialHistogramAccumulator, SummaryAccumulator } from '@covey/stats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiFixture, apiFixture, callApi, publishBundle } from './api.fixture.ts';
import { testBundle } from './domain.fixture.ts';

let fixture: ApiFixture;
beforeEach(async () => {
  fixture = await apiFixture(['edge-1', 'edge-2', 'lab-1']);
});
afterEach(() => fixture.close());

const call = (method: Parameters<typeof callApi>[1], url: string, body?: unknown) =>
  callApi(fixture, method, url, body);
const publish = (...of: Parameters<typeof testBundle>) => publishBundle(fixture, testBundle(...of));

describe('monitoring', () => {
  const latencyOf = (values: number[]) => {
    const histogram = new ExponentialHistogramAccumulator();
    histogram.addAll(values);
    return histogram.toMessage();
  };
  async function sendMetrics(device: string, requests: number, latencies: number[]) {
    const now = fixture.world.clock.now();
    const about = { model: 'bearing', version: '1.0.0', variant: 'fp32', provider: 'cpu' };
    const models = [{ ...about, requests, errors: 1, rejected: 0, latencyMs: latencyOf(latencies) }];
    const seq = BigInt(fixture.fleet.nextSeq(device));
    const body = { case: 'metrics' as const, value: { fromMs: now - 1_000, toMs: now, models } };
    await fixture.fleet.send(
      device,
      'metrics',
      await encodeTelemetry({ seq, bootId: 'boot', atMs: now, body }),
    );
  }

  it('merges metrics over devices: quantiles are those of all requests', async () => {
    await sendMetrics('edge-1', 90, Array(90).fill(1));
    await sendMetrics('edge-1', 9, Array(9).fill(1));
    await sendMetrics('edge-2', 1, [100]);
    const { totals, series } = MetricsAnswer.parse((await call('GET', '/v1/metrics?model=bearing')).body);
    expect(totals).toMatchObject([{ requests: 100, errors: 3 }]);
    expect(series).toHaveLength(1);
    expect(totals[0]?.p50Ms).toBeCloseTo(1, 1);
    expect(totals[0]?.p99Ms).toBeCloseTo(1, 1);
    const one = MetricsAnswer.parse((await call('GET', '/v1/metrics?device=edge-2')).body);
    expect(one.totals[0]?.p50Ms).toBeGreaterThan(95);
    expect(one.totals[0]?.requestsPerSecond).toBeCloseTo(1 / 3_600, 6);
  });

  const summaryOf = (mean: number, inferences: number) => {
    const schema = {
      inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [-1, 4] }],
      outputs: [{ name: 'y', datatype: 'FP32' as const, shape: [-1, 4] }],
    };
    const now = fixture.world.clock.now();
    const subject = { model: 'bearing', version: '1.0.0', variant: 'fp32', schema };
    const summary = new SummaryAccumulator(subject, now - 1_000);
    for (let i = 0; i < inferences; i++) {
      const values = Float32Array.from([0, 1, 2, 3], (at) => mean + Math.sin(i * 4 + at));
      const tensor = { datatype: 'FP32' as const, shape: [1, 4], data: new Uint8Array(values.buffer) };
      summary.add({ x: tensor }, { y: tensor }, 1);
    }
    return summary.take(now);
  };

  it('merges summaries over a group and compares them with the reference of the bundle', async () => {
    await publish('1.0.0', { reference: summaryOf(0, 500) });
    for (const device of ['edge-1', 'edge-2', 'lab-1']) {
      const value = summaryOf(device === 'lab-1' ? 0 : 3, 200);
      const sent = { seq: BigInt(fixture.fleet.nextSeq(device)), bootId: 'boot', atMs: value.toMs };
      const body = { case: 'summary' as const, value };
      await fixture.fleet.send(device, 'summary', await encodeTelemetry({ ...sent, body }));
    }
    const of = async (selector: string) =>
      SummariesAnswer.parse(
        (await call('GET', `/v1/summaries/bearing?selector=${encodeURIComponent(selector)}`)).body,
      ).versions;
    const [plant] = await of('site=plant');
    expect(plant).toMatchObject({ devices: 2, inferences: 400, comparison: { finding: 'shifted' } });
    expect(plant?.tensors.find(({ name }) => name === 'x')?.mean).toBeCloseTo(3, 1);
    const [lab] = await of('site=lab');
    expect(lab?.comparison?.finding).toBe('stable');
  });
});
