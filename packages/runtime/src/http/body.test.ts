import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { limits } from '@covey/protocol';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';
import { createBodyReader } from './body.ts';

let server: Awaited<ReturnType<typeof serverWith>>;
let http: typeof server.http;

beforeAll(async () => {
  server = await serverWith({ add: [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2])] });
  http = server.http;
});
afterAll(() => server.close());

const wellFormed = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] };

test('too large: declared, or only when decoded', async () => {
  const huge = { 'content-length': String(limits.inferenceBodyBytes + 1) };
  expect(await http.post('/v2/models/add/infer', 'x', huge)).toMatchObject({
    status: 413,
    json: { error: expect.stringContaining('limit') },
  });
  const bomb = gzipSync(Buffer.alloc(limits.inferenceBodyBytes + 1));
  expect(await http.post('/v2/models/add/infer', bomb, { 'content-encoding': 'gzip' })).toMatchObject({
    status: 413,
  });
  const header = { 'inference-header-content-length': String(limits.inferenceHeaderBytes + 1) };
  expect(await http.post('/v2/models/add/infer', 'x', header)).toMatchObject({ status: 413 });
});

/** Unit tests take few; the long form, `npm run fuzz`, sets COVEY_FUZZ_RUNS high. */
const numRuns = Number(process.env.COVEY_FUZZ_RUNS ?? 100);

test(
  'garbage, truncated and lying bodies are 4xx with a JSON error, and the server lives',
  async () => {
    const good = JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } }],
    });
    const mangled = fc
      .tuple(fc.nat(good.length), fc.string({ maxLength: 8 }), fc.nat(20))
      .map(([at, insert, drop]) => good.slice(0, at) + insert + good.slice(at + drop));
    const lying = fc.integer({ min: -5, max: 40 }).map((size) => good.replace('8', String(size)));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(mangled, lying, fc.string(), fc.json()),
        fc.uint8Array({ maxLength: 24 }),
        fc.oneof(
          fc.constant(undefined),
          fc.constantFrom('-1', 'x', '1e3', '0', '999999'),
          fc.nat(200).map(String),
        ),
        fc.constantFrom('identity', 'gzip', 'deflate'),
        async (json, binary, length, encoding) => {
          const body = Buffer.concat([Buffer.from(json), binary]);
          const headers = {
            'content-encoding': encoding,
            'inference-header-content-length': length ?? String(Buffer.byteLength(json)),
          };
          const reply = await http.post('/v2/models/add/infer', body, headers);
          if (reply.status === 200) return;
          expect(reply.status).toBeGreaterThanOrEqual(400);
          expect(reply.status).toBeLessThan(500);
          expect(reply.json).toMatchObject({ error: expect.any(String) });
        },
      ),
      { numRuns },
    );
    expect(await http.post('/v2/models/add/infer', wellFormed)).toMatchObject({
      status: 200,
    });
  },
  60_000 + numRuns * 20,
);

test('the memory of chunks is given back at once, but not what they share with others', async () => {
  const whole = new Uint8Array(64 * 1024).fill(1);
  const pool = new Uint8Array(1024).fill(2);
  const chunks = [Buffer.from(whole.buffer), Buffer.from(pool.buffer, 100, 200)];
  const sizeBytes = 64 * 1024 + 200;
  const request = Object.assign(Readable.from(chunks), { headers: { 'content-length': String(sizeBytes) } });
  const share = { heldBytes: 0, limitBytes: Number.POSITIVE_INFINITY };
  const sums = createBodyReader().withBody(
    request as unknown as IncomingMessage,
    0,
    share,
    async ({ binary }) => [binary?.byteLength, binary?.reduce((sum, byte) => sum + byte, 0)],
  );
  expect(await sums).toEqual([sizeBytes, 64 * 1024 + 2 * 200]);
  expect(whole.buffer.byteLength).toBe(0);
  expect(pool.buffer.byteLength).toBe(1024);
});

test('what JSON would become is bounded before it is parsed', async () => {
  const path = '/v2/models/add/infer';
  const deep = '['.repeat(1024 * 1024);
  expect(await http.post(path, deep)).toMatchObject({
    status: 400,
    json: { error: expect.stringContaining('nested') },
  });
  const many = `[${'[],'.repeat(1024 * 1024)}[]]`;
  expect(await http.post(path, many)).toMatchObject({
    status: 413,
    json: { error: expect.stringContaining('lists') },
  });
  const quoted = JSON.stringify({ ...wellFormed, parameters: { note: '["\\'.repeat(200_000) } });
  expect(await http.post(path, quoted)).toMatchObject({ status: 200 });
  const large = Buffer.alloc(16 * 1024 * 1024 + 1, 0x20);
  expect(await http.post(path, large)).toMatchObject({
    status: 413,
    json: { error: expect.stringContaining('binary') },
  });
});

test('a bomb is not decoded to its end, whatever is behind it', async () => {
  const member = gzipSync(Buffer.alloc(16 * 1024 * 1024));
  // Who decodes it to its end finds a byte there that is no gzip: 400.
  const bomb = Buffer.concat([...Array<Buffer>(25).fill(member), Buffer.of(0x1f, 0x8b, 0xff)]);
  const headers = { 'content-encoding': 'gzip', 'inference-header-content-length': '0' };
  expect(await http.post('/v2/models/add/infer', bomb, headers)).toMatchObject({ status: 413 });
  const short = Buffer.concat([member, bomb.subarray(-3)]);
  expect(await http.post('/v2/models/add/infer', short, headers)).toMatchObject({ status: 400 });
});

test('what is no HTTP is told so, in JSON', async () => {
  const socket = connect(server.port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.end('\u0016\u0003\u0001 this is TLS, or nothing\r\n\r\n');
  await new Promise((resolve) => socket.once('close', resolve));
  const reply = Buffer.concat(chunks).toString();
  expect(reply).toMatch(/^HTTP\/1\.1 400 /);
  expect(reply).toContain('{"error":');
});
