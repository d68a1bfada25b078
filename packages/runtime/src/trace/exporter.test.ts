import type { FetchRequest, Log } from '@covey/ports';
import { simulatedFetch, simulatedWorld } from '@covey/ports/simulated';
import { expect, test } from 'vitest';
import { createExporter } from './exporter.ts';
import type { otlpDocument, Span } from './span.ts';

const span = (name: string): Span => ({
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentId: undefined,
  state: undefined,
  name,
  kind: 'server',
  fromMs: 1,
  toMs: 2,
  attributes: {},
  error: undefined,
});
const spans = (count: number, from = 0) => Array.from({ length: count }, (_, i) => span(String(from + i)));

function exporting(answer: () => { status: number; body?: string } = () => ({ status: 200 })) {
  const world = simulatedWorld(1);
  const batches: string[][] = [];
  const lines: string[] = [];
  const log: Log = { write: (_level, message) => lines.push(message), component: () => log };
  const network = simulatedFetch(world, (request: FetchRequest) => {
    const document = JSON.parse(Buffer.from(request.body ?? []).toString()) as ReturnType<
      typeof otlpDocument
    >;
    batches.push(document.resourceSpans[0]?.scopeSpans[0]?.spans.map(({ name }) => name) ?? []);
    const { status, body = '{}' } = answer();
    return { status, headers: {}, body: Buffer.from(body) };
  });
  const url = 'http://127.0.0.1:4318/';
  const exporter = createExporter({ clock: world.clock, log, fetch: network.fetch, url, resource: {} });
  return { world, network, batches, lines, exporter };
}

test('spans wait for each other; a full batch goes at once', async () => {
  const { world, network, batches, exporter } = exporting();
  exporter.add(spans(3));
  exporter.add(spans(2, 3));
  await world.advance(4_900);
  expect(batches).toEqual([]);
  await world.advance(200);
  expect(batches).toEqual([['0', '1', '2', '3', '4']]);
  exporter.add(spans(512));
  await world.advance(100);
  expect(batches.map(({ length }) => length)).toEqual([5, 512]);
  expect(network.served[0]).toBe('POST http://127.0.0.1:4318/v1/traces');
  expect(exporter.figures).toEqual({ exported: 517, dropped: 0 });
});

test('while the collector is away the newest wait, the others are counted, and it is said once', async () => {
  const { world, network, batches, lines, exporter } = exporting();
  network.isUp = false;
  for (let i = 0; i < 30; i++) {
    exporter.add(spans(100, 100 * i));
    await world.advance(5_100);
  }
  expect(lines).toHaveLength(1);
  network.isUp = true;
  await world.advance(60_000);
  const arrived = batches.flat();
  expect(arrived.length).toBeLessThanOrEqual(2_048);
  expect(arrived.length).toBeGreaterThan(1_000);
  expect(arrived.at(-1)).toBe('2999');
  expect(exporter.figures).toEqual({ exported: arrived.length, dropped: 3_000 - arrived.length });
});

test('a collector that refuses is not asked again; what it rejects is counted', async () => {
  let status = 400;
  const { world, exporter } = exporting(() => ({ status, body: '{"partialSuccess":{"rejectedSpans":"2"}}' }));
  exporter.add(spans(4));
  await world.advance(10_000);
  expect(exporter.figures).toEqual({ exported: 0, dropped: 4 });
  status = 200;
  exporter.add(spans(5));
  await world.advance(10_000);
  expect(exporter.figures).toEqual({ exported: 3, dropped: 6 });
});

test('stop sends what waits', async () => {
  const { world, batches, exporter } = exporting();
  exporter.add(spans(600));
  const stopped = exporter.stop();
  await world.advance(1_000);
  await stopped;
  expect(batches.flat()).toHaveLength(600);
});
