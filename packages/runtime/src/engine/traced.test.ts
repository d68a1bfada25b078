import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ModelSchema, Pipeline } from '@covey/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { identityModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';

interface Sent {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status: { code: number; message?: string };
  attributes: { key: string; value: Record<string, unknown> }[];
}

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';
const sent: Sent[] = [];
/** An OTLP/HTTP collector that takes everything. */
const collector = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString());
  sent.push(...resourceSpans[0].scopeSpans[0].spans);
  response.end('{}');
});
let server: Awaited<ReturnType<typeof serverWith>>;
let otlpUrl: string;

beforeAll(async () => {
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const { port } = collector.address() as AddressInfo;
  otlpUrl = `http://127.0.0.1:${port}`;
  server = await serverWith(
    { same: [identityModel('FP32', [-1, 2]), schemaOf('FP32', [-1, 2])] },
    { otlpUrl },
  );
});
afterAll(() => collector.close());

test('a request continues its caller’s trace where that is recorded, and says where the time went', async () => {
  const infer = (traceparent: string | undefined, timeout = 0) =>
    server.http.post(
      '/v2/models/same/infer',
      { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }], parameters: { timeout } },
      traceparent === undefined ? {} : { traceparent, tracestate: 'rojo=1' },
    );
  const reply = await infer(`00-${traceId}-${parentId}-01`);
  expect(reply.headers['server-timing']).toMatch(
    /^queue;dur=\d+\.\d{3}, input;dur=\d+\.\d{3}, infer;dur=\d+\.\d{3}, output;dur=\d+\.\d{3}$/,
  );
  await infer(`00-${'1'.repeat(32)}-${parentId}-00`);
  await infer(`00-${'2'.repeat(32)}-${parentId}-01`, 1);
  await infer('nonsense');
  await infer(undefined);
  // The server gives out what it has left.
  await server.close();

  const of = (id: string) => sent.filter((span) => span.traceId === id);
  const [request, queue, run] = of(traceId);
  expect(request).toMatchObject({
    name: 'infer same',
    kind: 2,
    parentSpanId: parentId,
    traceState: 'rojo=1',
  });
  expect(queue).toMatchObject({ name: 'queue', kind: 1, parentSpanId: request?.spanId });
  expect(run).toMatchObject({ name: 'run', kind: 1, parentSpanId: request?.spanId });
  const times = [request, queue, run].map((span) =>
    [span?.startTimeUnixNano, span?.endTimeUnixNano].map(Number),
  );
  for (const [from = 0, to = 0] of times) expect(from).toBeLessThanOrEqual(to);
  expect(run && request && BigInt(run.endTimeUnixNano) <= BigInt(request.endTimeUnixNano)).toBe(true);
  expect(Math.abs(Number(request?.endTimeUnixNano) / 1e6 - Date.now())).toBeLessThan(60_000);
  // Not recorded by the caller; failed; and of the two without a valid context, one in this second.
  expect(of('1'.repeat(32))).toEqual([]);
  expect(of('2'.repeat(32))).toMatchObject([{ status: { code: 2, message: 'DEADLINE_EXCEEDED' } }]);
  const own = sent.filter((span) => ![traceId, '2'.repeat(32)].includes(span.traceId));
  expect(own.filter(({ kind }) => kind === 2).length).toBeGreaterThanOrEqual(1);
  expect(own.find(({ kind }) => kind === 2)?.parentSpanId).toBeUndefined();
});

test('stages of a pipeline and the call to the cloud are spans, and the cloud’s own hang below it', async () => {
  const schema = schemaOf('FP32', [-1, 2]);
  const model: [Uint8Array, ModelSchema] = [identityModel('FP32', [-1, 2]), schema];
  const cloud = await serverWith({ bigger: model }, { otlpUrl });
  const softmax = { kind: 'softmax', input: 'x', output: 'shares' } as const;
  const inner: Pipeline = {
    inputs: schema.inputs,
    stages: [softmax, { kind: 'model', inputs: { x: 'shares' }, outputs: { y: 'y' } }],
    outputs: schema.outputs,
  };
  const outer: Pipeline = {
    inputs: schema.inputs,
    stages: [{ kind: 'model', model: 'inner', inputs: { x: 'x' }, outputs: { y: 'y' } }],
    outputs: schema.outputs,
  };
  const cascade = {
    ...{
      url: `http://127.0.0.1:${cloud.port}`,
      model: 'bigger',
      output: 'y',
      scores: 'probabilities' as const,
    },
    ...{ certainty: 1, timeoutMs: 5_000, callsPerHour: 9, bytesPerHour: 1e9 },
  };
  const device = await serverWith(
    { inner: [...model, { pipeline: inner }], outer: [...model, { pipeline: outer }] },
    { otlpUrl },
    [{ model: 'outer', version: '1.2.0', cascade }],
  );
  const id = '3'.repeat(32);
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }];
  const traceparent = `00-${id}-${parentId}-01`;
  const reply = await device.http.post('/v2/models/outer/infer', { inputs }, { traceparent });
  expect(reply.json).toMatchObject({ parameters: { answered_by: 'cloud' } });
  await device.close();
  await cloud.close();

  const spans = sent.filter((span) => span.traceId === id);
  const parentOf = (span: Sent) =>
    spans.find(({ spanId }) => spanId === span.parentSpanId)?.name ?? span.parentSpanId;
  expect(Object.fromEntries(spans.map((span) => [span.name, parentOf(span)]))).toEqual({
    'infer outer': parentId,
    'stage 1 (model inner)': 'infer outer',
    'stage 1 (softmax)': 'stage 1 (model inner)',
    'stage 2 (model)': 'stage 1 (model inner)',
    'cascade bigger': 'infer outer',
    'infer bigger': 'cascade bigger',
    queue: 'infer bigger',
    run: 'infer bigger',
  });
  const own = spans.find(({ name }) => name === 'stage 2 (model)');
  expect(own?.attributes).toContainEqual({ key: 'covey.model', value: { stringValue: 'inner' } });
  expect(spans.find(({ name }) => name === 'cascade bigger')?.kind).toBe(3);
});
