import { connect, type Socket } from 'node:net';
import { streamLog, systemClock } from '@covey/ports';
import { nodeFetch } from '@covey/ports/network';
import { limits } from '@covey/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { client } from '../client.fixture.ts';
import { createEngine, type Engine } from '../engine/index.ts';
import { countingModel, identityModel, loadedModel, modelFolder, schemaOf } from '../models.fixture.ts';
import { nodePlatform } from '../node/index.ts';
import { openInference } from '../open-inference/index.ts';
import { createHttpService, type HttpService } from './server.ts';

const stallMs = 400;
let models: Awaited<ReturnType<typeof modelFolder>>;
let engine: Engine;
let service: HttpService;
let port: number;
let http: ReturnType<typeof client>;

beforeAll(async () => {
  models = await modelFolder();
  engine = createEngine({
    platform: nodePlatform,
    fetch: nodeFetch,
    clock: systemClock,
    log: streamLog({ write: () => true }, systemClock, 'error'),
    metricsIntervalMs: 60_000,
    summaryIntervalMs: 60_000,
    send: () => {},
  });
  const wide = await models.write('wide.onnx', identityModel('FP32', [-1]));
  const count = await models.write('count.onnx', countingModel());
  await engine.apply({
    plan: 1,
    models: [
      loadedModel(wide, schemaOf('FP32', [-1]), { name: 'wide' }),
      loadedModel(count, schemaOf('INT64', []), { name: 'count' }),
    ],
  });
  service = createHttpService(engine, [openInference], {
    headersTimeout: 2_000,
    requestTimeout: 4_000,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 100,
    maxConnections: 40,
    stallMs,
    answerTimeout: 3_000,
  });
  const address = await service.listen({ host: '127.0.0.1', port: 0 });
  port = address.port;
  http = client(address.url);
}, 60_000);
afterAll(async () => {
  http.close();
  await service.close(1_000);
  await engine.close(1_000);
  await models.remove();
});

/** A connection that sends what it is told, and what came back until it was closed. */
function raw(...parts: (string | Uint8Array)[]) {
  const socket = connect(port, '127.0.0.1');
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  socket.on('error', () => {});
  const closed = new Promise<string>((resolve) =>
    socket.once('close', () => resolve(Buffer.concat(received).toString())),
  );
  for (const part of parts) socket.write(part);
  return { socket, closed, text: () => Buffer.concat(received).toString() };
}

const head = (path: string, ...lines: string[]) =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
const counting = (times: number) =>
  JSON.stringify({ id: String(times), inputs: [{ name: 'x', datatype: 'INT64', shape: [], data: [times] }] });
const lives = async () => expect(await http.get('/v2/health/live')).toMatchObject({ status: 200 });

test('a body that stalls is given up, before the whole request is late', async () => {
  const startedMs = performance.now();
  const { closed } = raw(head('/v2/models/wide/infer', 'content-length: 1000'), '{"inputs"');
  const answer = await closed;
  expect(answer).toContain('408 Request Timeout');
  expect(answer).toContain('x-covey-error-code: TIMEOUT');
  expect(performance.now() - startedMs).toBeLessThan(3_500);
  await lives();
});

test('who does not read an answer loses the connection, and its memory is free again', async () => {
  const floats = new Uint8Array(32 * 1024 * 1024);
  const request = head(
    '/v2/models/wide/infer',
    'inference-header-content-length: 0',
    `content-length: ${floats.byteLength}`,
  );
  const socket: Socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.pause();
  socket.write(request);
  socket.write(floats);
  // Not one byte of the answer is taken out of the socket, and bytes that trickle in keep it from being idle.
  await expect
    .poll(
      () => {
        socket.write('G');
        return socket.destroyed;
      },
      { timeout: 15_000 },
    )
    .toBe(true);
  await lives();
}, 40_000);

test('a client that goes away takes its request out of the queue', async () => {
  const busy = http.post('/v2/models/count/infer', counting(400_000));
  const body = counting(1);
  const leaving = raw(head('/v2/models/count/infer', `content-length: ${body.length}`), body);
  // Behind the first, and gone before its turn.
  await new Promise((resolve) => leaving.socket.once('connect', resolve));
  await lives();
  leaving.socket.destroy();
  expect(await busy).toMatchObject({ status: 200 });
  const stats = async () =>
    ((await http.get('/v2/models/count/stats')).json as { model_stats: [{ inference_stats: object }] })
      .model_stats[0].inference_stats;
  await expect.poll(stats, { timeout: 15_000 }).toMatchObject({ success: { count: 1 }, fail: { count: 1 } });
}, 40_000);

test('requests one behind the other on a connection are answered in order', async () => {
  const bodies = [200_000, 1, 2, 3].map(counting);
  const requests = bodies.map(
    (body, i) =>
      head(
        '/v2/models/count/infer',
        `content-length: ${body.length}`,
        i === 3 ? 'connection: close' : 'x: y',
      ) + body,
  );
  const { closed } = raw(requests.join(''));
  const answers = [...(await closed).matchAll(/"id":"(\d+)"/g)].map(([, value]) => Number(value));
  expect(answers).toEqual([200_000, 1, 2, 3]);
}, 40_000);

test('thousands of requests at once on one connection that reads nothing', async () => {
  const one = 'GET /v2 HTTP/1.1\r\nhost: x\r\n\r\n';
  const flood = connect(port, '127.0.0.1');
  flood.on('error', () => {});
  flood.pause();
  const beforeBytes = process.memoryUsage().rss;
  await new Promise((resolve) => flood.write(one.repeat(200_000), resolve));
  await lives();
  expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(256 * 1024 * 1024);
  flood.destroy();
  await lives();
}, 40_000);

test('connections beyond the limit are dropped, and those inside go on', async () => {
  await lives();
  const many = Array.from({ length: 60 }, () => raw());
  await expect
    .poll(() => many.filter(({ socket }) => socket.closed).length, { timeout: 10_000 })
    .toBeGreaterThan(10);
  await lives();
  for (const { socket } of many) socket.destroy();
  await Promise.all(many.map(({ closed }) => closed));
}, 40_000);

const inferring = (...lines: string[]) => head('/v2/models/wide/infer', ...lines);
test.each([
  ['no HTTP', 'nonsense\r\n\r\n', '400', 'WIRE_MALFORMED'],
  ['two lengths', inferring('content-length: 2', 'content-length: 3'), '400', 'WIRE_MALFORMED'],
  [
    'length and chunks',
    inferring('content-length: 2', 'transfer-encoding: chunked'),
    '400',
    'WIRE_MALFORMED',
  ],
  ['a length that is none', inferring('content-length: -1'), '400', 'WIRE_MALFORMED'],
  ['a bad chunk', `${inferring('transfer-encoding: chunked')}zz\r\n`, '400', 'WIRE_MALFORMED'],
  ['headers without end', `GET /v2 HTTP/1.1\r\n${'x: y\r\n'.repeat(20_000)}`, '431', 'PAYLOAD_TOO_LARGE'],
  ['no Host', 'GET /v2 HTTP/1.1\r\nconnection: close\r\n\r\n', '400', 'INVALID_DOCUMENT'],
  ['an unknown Expect', inferring('content-length: 2', 'expect: magic'), '417', 'UNSUPPORTED'],
  [
    'a header that lies about JSON',
    `${inferring('inference-header-content-length: 9', 'content-length: 2', 'connection: close')}{}`,
    '400',
    'INPUT_INVALID',
  ],
  ['too large', inferring(`content-length: ${limits.inferenceBodyBytes + 1}`), '413', 'PAYLOAD_TOO_LARGE'],
])(
  '%s has an answer with a code',
  async (_what, bytes, status, code) => {
    const answer = await raw(bytes).closed;
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer.match(/^connection:/gim)).toHaveLength(1);
    expect(answer).toMatch(new RegExp(`^x-covey-error-code: ${code}`, 'm'));
    const [, body = ''] = answer.split('\r\n\r\n');
    expect(JSON.parse(body)).toEqual({ error: expect.stringMatching(/./) });
    await lives();
  },
  20_000,
);

test('HTTP/1.0 need not name a Host', async () => {
  expect(await raw('GET /v2/health/live HTTP/1.0\r\n\r\n').closed).toMatch(/^HTTP\/1.1 200 /);
});
