import { exampleVersion } from '@covey/example';
import type { Summary, Telemetry } from '@covey/protocol';
import type { encodeTelemetry } from '@covey/protocol/telemetry';
import { ExponentialHistogramAccumulator, SummaryAccumulator } from '@covey/stats';

type Body = NonNullable<Parameters<typeof encodeTelemetry>[0]['body']>;
export type Message = { seq: bigint; bootId: string; atMs: number; body: Body };
export type MessageKind = Exclude<Telemetry['body']['case'], undefined>;

/** Window of the messages, Unix milliseconds. */
const fromMs = Date.UTC(2026, 0, 1);
const metricsWindowMs = 30_000;
const requestsPerSecond = 25;

/** What a device that serves the example says of one window, at its default intervals. */
export function telemetryMessages(): Record<'metrics' | 'summary' | 'event', Message> {
  const sent = { bootId: '01890a5d-ac96-774b-bcce-b302099a8057', atMs: fromMs + metricsWindowMs };
  const subject = { model: 'bearing', version: '1.1.0' };
  const metrics = {
    fromMs,
    toMs: fromMs + metricsWindowMs,
    models: [{ ...subject, variant: 'int8-qdq', provider: 'cpu', ...countsOfWindow() }],
    system: {
      agentRssBytes: 88e6,
      runtimeRssBytes: 121e6,
      cpu: 0.061,
      freeDiskBytes: 12.4e9,
      outboxMessages: 3,
      outboxBytes: 3_412,
      runtimeDeaths: 0,
    },
  };
  const event = {
    ...subject,
    kind: 'committed',
    message: 'bearing 1.1.0 serves: agreement 1 of 300 samples',
  };
  return {
    metrics: { ...sent, seq: 1n, body: { case: 'metrics', value: metrics } },
    summary: { ...sent, seq: 2n, body: { case: 'summary', value: exampleSummary() } },
    event: { ...sent, seq: 3n, body: { case: 'event', value: event } },
  };
}

/** Latencies between 1 and 4 ms with a tail, as the device has them. */
function countsOfWindow() {
  const latencyMs = new ExponentialHistogramAccumulator();
  const requests = (metricsWindowMs / 1_000) * requestsPerSecond;
  for (let i = 0; i < requests; i++) latencyMs.add(1 + ((i * 7_919) % 1_000) / 333 + (i % 97 === 0 ? 20 : 0));
  return { requests, errors: 0, rejected: 0, latencyMs: latencyMs.toMessage() };
}

function exampleSummary(): Summary {
  const { version, schema, classification, referenceInputs } = exampleVersion('1.1.0');
  const subject = { model: 'bearing', version, variant: 'int8-qdq', schema, classification };
  const accumulator = new SummaryAccumulator(subject, fromMs);
  for (const { inputs, outputs } of referenceInputs()) accumulator.add(inputs, outputs, 1);
  return accumulator.take(fromMs + metricsWindowMs);
}
