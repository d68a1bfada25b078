import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { streamLog, systemClock } from '@covey/ports';
import { createInferenceServer } from '@covey/runtime';
import { type Connection, openConnection } from './connection.ts';
import type { Figure, Result } from './figures.ts';
import {
  type BenchmarkModel,
  faceDetector,
  inferenceRequest,
  loadedModel,
  mnist,
  variedInputs,
} from './models.ts';
import { median, ratioOf, spreadOf } from './statistics.ts';

const fewestRounds = 10;
/** Of latency with summaries, and traces of our own, to latency with neither. */
const seeingLimit = 1.02;
const summarized = { summaryShare: 0.02 };
const nothing = { summaryShare: 0 };
/** The request continues a trace that its caller records. */
const traced = 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** What summaries and traces cost a request: two servers in one process, asked in turns. */
export async function benchmarkSeeing(): Promise<Result> {
  const models = [mnist, faceDetector];
  const absent = models.find(({ path }) => !existsSync(path));
  if (absent) return { benchmark: 'seeing', skipped: `there is no ${absent.path}` };
  const stack = new AsyncDisposableStack();
  try {
    const otlpUrl = await startCollector(stack);
    const figures: Figure[] = [];
    for (const model of models) {
      const off = await serve(model, nothing, stack);
      const on = await serve(model, { ...summarized, otlpUrl }, stack);
      figures.push(...(await race(model, off, on)));
    }
    return { benchmark: 'seeing', figures };
  } finally {
    await stack.disposeAsync();
  }
}

/** Takes all spans, on this machine. */
async function startCollector(stack: AsyncDisposableStack): Promise<string> {
  const collector = createServer((request, response) => {
    request.resume().once('end', () => response.end('{}'));
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  stack.defer(async () => {
    collector.close();
    collector.closeAllConnections();
  });
  return `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
}

async function serve(
  { name, path, schema }: BenchmarkModel,
  observing: { summaryShare: number; otlpUrl?: string },
  stack: AsyncDisposableStack,
): Promise<Connection> {
  const server = createInferenceServer({
    clock: systemClock,
    log: streamLog({ write: () => true }, systemClock, 'error'),
    host: '127.0.0.1',
    port: 0,
    metricsIntervalMs: 10_000,
    summaryIntervalMs: 60_000,
    send: () => {},
    ...observing,
  });
  const { url } = await server.listen();
  stack.defer(() => server.drain());
  await server.apply({ plan: 1, models: [loadedModel(name, path, schema)] });
  const connection = await openConnection(url);
  stack.defer(async () => connection.close());
  return connection;
}

/** Seeing off, on, and on with every request traced because its caller asks for that. */
async function race(model: BenchmarkModel, off: Connection, on: Connection): Promise<Figure[]> {
  const [plain = Buffer.alloc(0)] = variedInputs(model.schema, 1).map((inputs) =>
    inferenceRequest(model.name, inputs),
  );
  const contestants = [
    { connection: off, request: plain, latenciesMs: [] as number[] },
    { connection: on, request: plain, latenciesMs: [] as number[] },
    { connection: on, request: withTraceparent(plain), latenciesMs: [] as number[] },
  ] as const;
  const startedMs = performance.now();
  for (let round = -model.warmRounds; round < model.rounds; round++) {
    if (round >= fewestRounds && performance.now() - startedMs > model.longestMs) break;
    for (let turn = 0; turn < contestants.length; turn++) {
      const next = contestants[(round + model.warmRounds + turn) % contestants.length];
      const medianMs = next && (await latencyOf(next.connection, next.request, model.runsPerRound));
      if (round >= 0 && medianMs !== undefined) next?.latenciesMs.push(medianMs);
    }
  }
  const [without, seeing, traced] = contestants.map(({ latenciesMs }) => latenciesMs);
  return [
    { name: `${model.name}, not seen`, value: spreadOf(without ?? []), unit: 'ms' },
    figureOf(`${model.name}, seen`, seeing ?? [], without ?? [], seeingLimit),
    figureOf(`${model.name}, every request traced`, traced ?? [], without ?? []),
  ];
}

function figureOf(name: string, ms: number[], baselineMs: number[], limit?: number): Figure {
  const ratio = ratioOf(ms, baselineMs);
  const baseline = { name: 'not seen', ratio, ...(limit !== undefined && { limit }) };
  return { name, value: spreadOf(ms), unit: 'ms', baseline };
}

function withTraceparent(request: Buffer): Buffer {
  const headEnd = request.indexOf('\r\n\r\n');
  const header = Buffer.from(`\r\n${traced}`);
  return Buffer.concat([request.subarray(0, headEnd), header, request.subarray(headEnd)]);
}

async function latencyOf(connection: Connection, request: Buffer, runs: number): Promise<number> {
  const latenciesMs: number[] = [];
  for (let run = 0; run < runs; run++) {
    const startedMs = performance.now();
    await connection.exchange(request);
    latenciesMs.push(performance.now() - startedMs);
  }
  return median(latenciesMs);
}
