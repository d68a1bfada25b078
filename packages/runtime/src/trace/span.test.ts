import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { expect, test } from 'vitest';
import { otlpDocument, type Span } from './span.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const span: Span = {
  traceId,
  spanId: 'b7ad6b7169203331',
  parentId: '00f067aa0ba902b7',
  state: undefined,
  name: 'infer face',
  kind: 'server',
  fromMs: 1_700_000_000_123.25,
  toMs: 1_700_000_000_456.5,
  attributes: { 'covey.model': 'face', 'covey.batch_size': 4, share: 0.5, isWarm: true },
  error: 'OVERLOADED',
};

test('is what OpenTelemetry’s own exporter sends of the same spans', () => {
  const resource = { 'service.name': 'covey-runtime' };
  const spanContext = { traceId, spanId: span.spanId, traceFlags: TraceFlags.SAMPLED };
  const theirs = JsonTraceSerializer.serializeRequest([
    {
      name: span.name,
      kind: SpanKind.SERVER,
      spanContext: () => spanContext,
      parentSpanContext: { ...spanContext, spanId: '00f067aa0ba902b7', isRemote: true },
      startTime: [1_700_000_000, 123_250_000],
      endTime: [1_700_000_000, 456_500_000],
      duration: [0, 333_250_000],
      status: { code: SpanStatusCode.ERROR, message: 'OVERLOADED' },
      attributes: { ...span.attributes },
      links: [],
      events: [],
      ended: true,
      resource: resourceFromAttributes(resource),
      instrumentationScope: { name: 'covey' },
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    },
  ]);
  const ours = JSON.parse(JSON.stringify(otlpDocument(resource, [span])));
  expect(ours).toEqual(JSON.parse(Buffer.from(theirs ?? []).toString()));
});
