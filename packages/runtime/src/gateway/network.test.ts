import { connect as connectPlain, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { streamLog, systemClock } from '@covey/ports';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grpcClient } from '../grpc-client.fixture.ts';
import { countingModel, identityModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';
import { accessFolder, networkHost, networkName, secureClient, sha256 } from './network.fixture.ts';

const service = 'inference.GRPCInferenceService';
const ask = { inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1, 2] }] };
const grpcAsk = {
  model_name: 'wide',
  inputs: [{ name: 'x', datatype: 'FP32', shape: [2], contents: { fp32_contents: [1, 2] } }],
};
const count = { inputs: [{ name: 'x', datatype: 'INT64', shape: [], data: [1] }] };
const entry = (name: string, more: object = {}) => ({ name, sha256: sha256(`token-${name}`), ...more });

let folder: Awaited<ReturnType<typeof accessFolder>>;
let server: Awaited<ReturnType<typeof serverWith>>;
let grpcPort: number;
const lines: string[] = [];
const closing: { close(): void }[] = [];

const client = (name: string | undefined, ca = folder.ca, maxSockets = 64) => {
  const made = secureClient(server.port, ca, name && `token-${name}`, maxSockets);
  closing.push(made);
  return made;
};
const grpc = () => {
  const made = grpcClient(
    `grpc://${networkHost}:${grpcPort}`,
    { 'grpc.ssl_target_name_override': networkName },
    folder.ca,
  );
  closing.push(made);
  return made;
};
const bearer = (name: string) => ({ authorization: `Bearer token-${name}` });

beforeAll(async () => {
  folder = await accessFolder([
    entry('ann'),
    entry('bob', { models: ['wide'] }),
    entry('slow', { requestsPerSecond: 0.01, burst: 2 }),
    entry('slow-grpc', { requestsPerSecond: 0.01, burst: 2 }),
    entry('streamer', { requestsPerSecond: 0.01, burst: 3 }),
    entry('one', { concurrency: 1 }),
    entry('flood', { concurrency: 4, requestsPerSecond: 20 }),
    entry('daily', { requestsPerDay: 1 }),
  ]);
  server = await serverWith(
    {
      wide: [identityModel('FP32', [-1]), schemaOf('FP32', [-1])],
      count: [countingModel(), schemaOf('INT64', [])],
    },
    {
      grpcPort: 0,
      access: folder.access,
      log: streamLog({ write: (line) => lines.push(line) }, systemClock, 'info'),
    },
  );
  grpcPort = server.grpcPort ?? 0;
});
afterAll(async () => {
  for (const one of closing) one.close();
  await server.close();
  await folder.remove();
});

describe('REST', () => {
  test('TLS and a token on the network, neither on loopback, on one port', async () => {
    expect(await client('ann').post('/v2/models/wide/infer', ask)).toMatchObject({ status: 200 });
    expect(await server.http.post('/v2/models/wide/infer', ask)).toMatchObject({ status: 200 });
    expect(new URL(server.url).port).toBe(String(server.port));
  });

  test('no token, or another, is 401, also for what is not there', async () => {
    for (const name of [undefined, 'nobody']) {
      for (const path of ['/v2/models/wide', '/v2/health/live', '/metrics', '/nothing', '/ping']) {
        const { status, headers, text } = await client(name).get(path);
        expect(status).toBe(401);
        expect(headers['www-authenticate']).toMatch(/^Bearer/);
        expect(headers['x-covey-error-code']).toBe('UNAUTHENTICATED');
        expect(text).not.toContain('token-');
      }
    }
  });

  test('a model that is not the caller’s is 403, and so is what tells of all, and administration', async () => {
    const bob = client('bob');
    expect(await bob.post('/v2/models/wide/infer', ask)).toMatchObject({ status: 200 });
    expect(await bob.get('/v2/health/ready')).toMatchObject({ status: 200 });
    const refused = [
      ...['/v2/models/count', '/v2/models/count/stats', '/v2/models/stats', '/metrics'].map((path) =>
        bob.get(path),
      ),
      ...['/v1/models', '/v1/models/count', '/v1/models/count/metadata'].map((path) => bob.get(path)),
      bob.post('/v2/models/count/infer', count),
      bob.post('/v1/models/count:predict', {}),
      bob.post('/predictions/count', {}),
      bob.post('/v2/repository/index', {}),
      bob.post('/v2/repository/models/wide/unload', {}),
      client('ann').post('/v2/repository/models/wide/unload', {}),
      client('ann').post('/v2/models/wide/profile', {}),
    ];
    for (const reply of await Promise.all(refused)) {
      expect(reply).toMatchObject({ status: 403, headers: { 'x-covey-error-code': 'FORBIDDEN' } });
    }
  });

  test('too many requests are 429 with the seconds to wait; the quota of the day until midnight', async () => {
    const slow = client('slow');
    for (let i = 0; i < 2; i++) expect(await slow.get('/v2')).toMatchObject({ status: 200 });
    const limited = await slow.post('/v2/models/wide/infer', ask);
    expect(limited).toMatchObject({ status: 429, headers: { 'x-covey-error-code': 'RATE_LIMITED' } });
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(90);
    const daily = client('daily');
    expect(await daily.get('/v2')).toMatchObject({ status: 200 });
    const spent = await daily.get('/v2');
    expect(spent).toMatchObject({ status: 429, headers: { 'x-covey-error-code': 'QUOTA_EXHAUSTED' } });
    expect(Number(spent.headers['retry-after'])).toBeLessThanOrEqual(86_400);
  });

  test('a refused request is answered before its body has come', async () => {
    const socket = connect({ host: networkHost, port: server.port, ca: folder.ca });
    const head = 'POST /v2/models/wide/infer HTTP/1.1\r\nhost: x\r\ncontent-length: 60000000\r\n\r\n';
    socket.write(head);
    expect(await firstLine(socket)).toBe('HTTP/1.1 401 Unauthorized');
    socket.destroy();
  });

  test('one request at a time; when it is given up there is room again', async () => {
    const one = client('one');
    const socket = connect({ host: networkHost, port: server.port, ca: folder.ca });
    socket.write(
      'POST /v2/models/wide/infer HTTP/1.1\r\nhost: x\r\nauthorization: Bearer token-one\r\ncontent-length: 9\r\n\r\n',
    );
    const seen = async (status: number) => {
      while ((await one.get('/v2')).status !== status);
    };
    await seen(429);
    socket.destroy();
    await seen(200);
  });
});

describe('gRPC', () => {
  test('TLS and a token on the network, neither on loopback', async () => {
    const call = await grpc().call(service, 'ModelInfer', grpcAsk, bearer('ann'));
    expect(call).toMatchObject({ code: 0 });
    const here = grpcClient(server.grpcUrl ?? '');
    closing.push(here);
    expect(await here.call(service, 'ModelInfer', grpcAsk)).toMatchObject({ code: 0 });
  });

  test('UNAUTHENTICATED, PERMISSION_DENIED, RESOURCE_EXHAUSTED', async () => {
    const remote = grpc();
    const call = (method: string, request: object, name: string) =>
      remote.call(service, method, request, bearer(name));
    expect(await remote.call(service, 'ServerLive', {})).toMatchObject({
      code: 16,
      errorCode: 'UNAUTHENTICATED',
    });
    expect(await call('ServerLive', {}, 'nobody')).toMatchObject({ code: 16 });
    const forbidden = [
      call('ModelMetadata', { name: 'count' }, 'bob'),
      call('ModelStatistics', {}, 'bob'),
      call('RepositoryIndex', {}, 'bob'),
      call('ModelInfer', { ...grpcAsk, model_name: 'count' }, 'bob'),
      call('RepositoryModelUnload', { model_name: 'wide' }, 'ann'),
    ];
    for (const outcome of await Promise.all(forbidden)) {
      expect(outcome).toMatchObject({ code: 7, errorCode: 'FORBIDDEN' });
    }
    for (let i = 0; i < 2; i++)
      expect(await call('ModelInfer', grpcAsk, 'slow-grpc')).toMatchObject({ code: 0 });
    expect(await call('ModelInfer', grpcAsk, 'slow-grpc')).toMatchObject({
      code: 8,
      errorCode: 'RATE_LIMITED',
    });
  });

  test('the messages of a stream are requests', async () => {
    const stream = grpc().stream(service, 'ModelStreamInfer', bearer('streamer'));
    const answers: string[] = [];
    const ended = new Promise((resolve) => stream.on('status', resolve));
    stream.on('data', (answer: { error_message: string }) => answers.push(answer.error_message));
    for (let i = 0; i < 5; i++) stream.write(grpcAsk);
    stream.end();
    await ended;
    expect(answers.map((text) => text === '')).toEqual([true, true, true, false, false]);
    expect(answers[4]).toContain('requests a second');
  });
});

describe('TLS', () => {
  test('versions before 1.2 and plain HTTP are refused; others go on', async () => {
    const old = connect({
      host: networkHost,
      port: server.port,
      ca: folder.ca,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    });
    await ended(old);
    const plain = connectPlain({ host: networkHost, port: server.port });
    plain.write('GET /v2 HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(await ended(plain)).not.toContain('HTTP/1.1 200');
    expect(await client('ann').get('/v2')).toMatchObject({ status: 200 });
  });

  test('a certificate that was replaced is shown to new connections; those that are open stay', async () => {
    const before = client('ann', folder.ca, 1);
    expect(await before.get('/v2')).toMatchObject({ status: 200 });
    const open = connect({ host: networkHost, port: server.port, ca: folder.ca });
    await new Promise((resolve) => open.once('secureConnect', resolve));
    const old = open.getPeerX509Certificate()?.fingerprint256;
    folder.ca = await folder.writeCertificate();
    for (let now = old; now === old; ) {
      const socket = connect({ host: networkHost, port: server.port, rejectUnauthorized: false });
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      now = socket.getPeerX509Certificate()?.fingerprint256;
      socket.destroy();
    }
    open.write(`GET /v2 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer token-ann\r\n\r\n`);
    expect(await firstLine(open)).toBe('HTTP/1.1 200 OK');
    open.destroy();
    expect(await client('ann').get('/v2')).toMatchObject({ status: 200 });
    expect(await grpc().call(service, 'ServerLive', {}, bearer('ann'))).toMatchObject({ code: 0 });
  });

  test('an address has its share of connections and no more', async () => {
    const sockets = Array.from({ length: 200 }, () => connectPlain({ host: networkHost, port: server.port }));
    let closed = 0;
    for (const socket of sockets) {
      socket.on('error', () => {});
      socket.on('close', () => closed++);
    }
    while (closed < 200 - 128) await new Promise((resolve) => setImmediate(resolve));
    // The address of this machine's programs on loopback is another.
    expect(await server.http.get('/v2')).toMatchObject({ status: 200 });
    for (const socket of sockets) socket.destroy();
    while (closed < 200) await new Promise((resolve) => setImmediate(resolve));
    expect(await client('ann').get('/v2')).toMatchObject({ status: 200 });
  });
});

test('who floods does not starve another', async () => {
  const flood = client('flood');
  const statuses = new Map<number, number>();
  let isOver = false;
  const flooding = Array.from({ length: 32 }, async () => {
    while (!isOver) {
      const { status } = await flood.post('/v2/models/wide/infer', ask);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  });
  const ann = client('ann');
  for (let i = 0; i < 50; i++)
    expect(await ann.post('/v2/models/wide/infer', ask)).toMatchObject({ status: 200 });
  isOver = true;
  await Promise.all(flooding);
  expect(statuses.get(429)).toBeGreaterThan(0);
  expect([...statuses.keys()].filter((status) => status !== 200 && status !== 429)).toEqual([]);
});

test('the log tells who was refused, and no token', () => {
  const text = lines.join('');
  expect(text).toContain('"caller":"bob","code":"FORBIDDEN"');
  expect(text).not.toContain('token-');
});

function firstLine(socket: TLSSocket): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    socket.once('data', (chunk) => resolve(chunk.toString().split('\r\n')[0]));
    socket.once('error', reject);
  });
}

/** What came until the other side ended it. */
function ended(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => {});
  return new Promise((resolve) => socket.once('close', () => resolve(text)));
}
