import { type ClientHttp2Session, connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { limits } from '@covey/protocol';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grpcClient } from '../grpc-client.fixture.ts';
import { addModel, countingModel, identityModel, schemaOf } from '../models.fixture.ts';
import { serverWith } from '../server.fixture.ts';

const numRuns = Number(process.env.COVEY_FUZZ_RUNS ?? 80);
const infer = '/inference.GRPCInferenceService/ModelInfer';
const streamInfer = '/inference.GRPCInferenceService/ModelStreamInfer';
const predict = '/tensorflow.serving.PredictionService/Predict';

let server: Awaited<ReturnType<typeof serverWith>>;
let client: ReturnType<typeof grpcClient>;
let tensorflow: ReturnType<typeof grpcClient>;
let session: ClientHttp2Session;

beforeAll(async () => {
  server = await serverWith(
    {
      add: [addModel(1, [-1, 2]), schemaOf('FP32', [-1, 2])],
      wide: [identityModel('INT64', [-1]), schemaOf('INT64', [-1])],
      count: [countingModel(), schemaOf('INT64', [])],
    },
    { grpcPort: 0, tensorflowServingPort: 0 },
  );
  client = grpcClient(server.grpcUrl ?? '');
  tensorflow = grpcClient(server.tensorflowServingUrl ?? '');
  session = connect((server.grpcUrl ?? '').replace('grpc:', 'http:'));
});
afterAll(async () => {
  session.destroy();
  client.close();
  tensorflow.close();
  await server.close();
});

const floats = (...values: number[]) => Buffer.from(new Float32Array(values).buffer);
const input = { name: 'x', datatype: 'FP32', shape: [1, 2] };
const valid = { model_name: 'add', id: '1', parameters: { priority: { int64_param: 1 } } };
const raw = { ...valid, inputs: [input], raw_input_contents: [floats(1, 2)] };
const typed = {
  ...valid,
  inputs: [{ ...input, contents: { fp32_contents: [1, 2] } }],
  outputs: [{ name: 'y' }],
};
const tensor = { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }, { size: 2 }] }, float_val: [1, 2] };

/** The server answers as ever. */
async function lives() {
  const { code, details } = await client.call('inference.GRPCInferenceService', 'ModelInfer', raw);
  expect({ code, details }).toEqual({ code: 0, details: '' });
}

/** Bytes of a call as they are, and what it ends with. */
function send(
  path: string,
  bytes: Uint8Array,
  more: { headers?: Record<string, string>; end?: boolean } = {},
) {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...more.headers,
  });
  const ended = new Promise<{ status: string | undefined; error: string | undefined }>((resolve) => {
    let status: string | undefined;
    let error: string | undefined;
    const hear = (headers: Record<string, unknown>) => {
      status ??= headers['grpc-status'] as string | undefined;
      error ??= headers['x-covey-error-code'] as string | undefined;
    };
    stream.on('response', hear);
    stream.on('trailers', hear);
    stream.on('error', () => {});
    stream.on('close', () => resolve({ status, error }));
  });
  stream.resume();
  stream.write(bytes);
  if (more.end !== false) stream.end();
  return { stream, ended };
}

function framed(message: Uint8Array, { flag = 0, length = message.byteLength } = {}): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

describe('messages that are wrong', () => {
  const mutated = (bytes: Buffer) =>
    fc
      .array(
        fc.tuple(
          fc.nat(bytes.length - 1),
          fc.integer({ min: 0, max: 255 }),
          fc.constantFrom('set', 'cut', 'twice'),
        ),
        {
          minLength: 1,
          maxLength: 4,
        },
      )
      .map((changes) => {
        let changed = Buffer.from(bytes);
        for (const [at, value, how] of changes) {
          if (how === 'set') changed[at % Math.max(1, changed.length)] = value;
          else if (how === 'cut')
            changed = Buffer.concat([changed.subarray(0, at), changed.subarray(at + (value % 8))]);
          else changed = Buffer.concat([changed, changed.subarray(at, at + value)]);
        }
        return changed;
      });
  const anyBytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

  test.each([
    ['ModelInfer, raw', infer, () => client.encode('ModelInfer', raw)],
    ['ModelInfer, typed', infer, () => client.encode('ModelInfer', typed)],
    [
      'Predict',
      predict,
      () => tensorflow.encode('Predict', { model_spec: { name: 'add' }, inputs: { x: tensor } }),
    ],
  ])(
    '%s: whatever is sent is answered, or refused with a reason, and by no fault of ours',
    async (_what, path, encode) => {
      const { raw: ask } = path === predict ? tensorflow : client;
      await fc.assert(
        fc.asyncProperty(
          fc.oneof({ weight: 3, arbitrary: mutated(encode()) }, { weight: 1, arbitrary: anyBytes }),
          async (message) => {
            const { code, errorCode, details } = await ask(path, message);
            if (code !== 0)
              expect({ errorCode, details }).toEqual({
                errorCode: expect.any(String),
                details: expect.stringMatching(/\w/),
              });
            expect(errorCode).not.toBe('INTERNAL');
          },
        ),
        { numRuns },
      );
      await lives();
    },
  );

  test.each([
    [
      'a length beyond the limit',
      framed(Buffer.alloc(10), { length: limits.inferenceBodyBytes * 2 }),
      '8',
      'PAYLOAD_TOO_LARGE',
    ],
    ['a length beyond what comes', framed(Buffer.alloc(10), { length: 100 }), '3', 'WIRE_MALFORMED'],
    ['half a prefix', Buffer.alloc(3), '3', 'WIRE_MALFORMED'],
    ['a flag that is none', framed(Buffer.alloc(1), { flag: 7 }), '3', 'WIRE_MALFORMED'],
    ['no message', Buffer.alloc(0), '3', 'WIRE_MALFORMED'],
    [
      'two messages',
      Buffer.concat([framed(Buffer.alloc(0)), framed(Buffer.alloc(0))]),
      '3',
      'WIRE_MALFORMED',
    ],
  ])('%s', async (_what, bytes, status, error) => {
    expect(await send(infer, bytes).ended).toEqual({ status, error });
    await lives();
  });

  test('lists longer than any model has are refused before they are kept', async () => {
    const emptyInputs = Buffer.alloc(2 * 1024 * 1024, Buffer.of(0x2a, 0));
    const emptyRaw = Buffer.alloc(2 * 1024 * 1024, Buffer.of(0x3a, 0));
    const names = Array.from({ length: 100 }, (_, i) => Buffer.of(0x22, 7, 0x0a, 1, i, 0x12, 2, 0x08, 1));
    const entries = Buffer.concat(names);
    for (const message of [emptyInputs, emptyRaw, entries]) {
      expect(await client.raw(infer, message)).toMatchObject({ code: 3, errorCode: 'INPUT_INVALID' });
    }
    const small = Buffer.alloc(70_000, Buffer.of(0x0a, 0));
    const refused = await client.raw('/inference.GRPCInferenceService/ModelReady', small);
    expect(refused).toMatchObject({ code: 8, errorCode: 'PAYLOAD_TOO_LARGE' });
  });

  test('elements that take one byte on the wire and eight in memory are refused beyond the limit', async () => {
    const count = limits.inferenceBodyBytes / 8 + 1;
    const contents = Buffer.concat([Buffer.of(0x1a), varint(count), Buffer.alloc(count, 1)]);
    const tensorBytes = Buffer.concat([
      Buffer.from('\n\u0001x\u0012\u0005INT64', 'latin1'),
      Buffer.of(0x18),
      varint(count),
      Buffer.of(0x2a),
      varint(contents.length),
      contents,
    ]);
    const message = Buffer.concat([
      Buffer.from('\n\u0004wide', 'latin1'),
      Buffer.of(0x2a),
      varint(tensorBytes.length),
      tensorBytes,
    ]);
    expect(await client.raw(infer, message)).toMatchObject({ code: 8, errorCode: 'PAYLOAD_TOO_LARGE' });
  });

  test('gzip is read, and held to the size that it says', async () => {
    const message = client.encode('ModelInfer', raw);
    const zipped = gzipSync(message);
    const headers = { 'grpc-encoding': 'gzip' };
    expect(await send(infer, framed(zipped, { flag: 1 }), { headers }).ended).toMatchObject({ status: '0' });
    const bomb = gzipSync(Buffer.alloc(32 * 1024 * 1024));
    const lying = Buffer.from(bomb);
    lying.writeUInt32LE(100, lying.length - 4);
    for (const bytes of [lying, zipped.subarray(4), Buffer.alloc(5)]) {
      const outcome = await send(infer, framed(bytes, { flag: 1 }), { headers }).ended;
      expect(outcome).toEqual({ status: '3', error: 'WIRE_MALFORMED' });
    }
    const other = await send(infer, framed(zipped, { flag: 1 }), { headers: { 'grpc-encoding': 'deflate' } })
      .ended;
    expect(other).toEqual({ status: '12', error: 'UNSUPPORTED' });
    await lives();
  });

  test.each(['5', '1234567890m', 'x', '-1S'])('a grpc-timeout of %s is none', async (timeout) => {
    const outcome = await send(infer, framed(client.encode('ModelInfer', raw)), {
      headers: { 'grpc-timeout': timeout },
    }).ended;
    expect(outcome).toEqual({ status: '3', error: 'WIRE_MALFORMED' });
  });
});

describe('clients that misbehave', () => {
  test('messages in the making are bounded together, and given up with their calls', async () => {
    const begun = framed(Buffer.alloc(1_000), { length: limits.inferenceBodyBytes });
    const calls = [0, 1].map(() => send(infer, begun, { end: false }));
    // Both have been read when a later call on the connection has been refused.
    expect(await send(infer, begun).ended).toEqual({ status: '8', error: 'OVERLOADED' });
    for (const { stream } of calls) stream.close();
    for (const { ended } of calls) await ended;
    await expect.poll(async () => (await send(infer, begun).ended).error).toBe('WIRE_MALFORMED');
    await lives();
  });

  test('calls that are given up leave their model free', async () => {
    const slow = {
      model_name: 'count',
      inputs: [{ name: 'x', datatype: 'INT64', shape: [], contents: { int64_contents: [30_000] } }],
    };
    const message = framed(client.encode('ModelInfer', slow));
    const calls = Array.from({ length: 60 }, () => send(infer, message));
    for (const { stream } of calls) stream.close();
    for (const { ended } of calls) await ended;
    expect(await client.raw(infer, client.encode('ModelInfer', slow))).toMatchObject({ code: 0 });
    await lives();
  });

  test('a thousand streams at a time are all answered', async () => {
    const message = framed(client.encode('ModelInfer', raw));
    const streams = Array.from({ length: 1_000 }, () => send(streamInfer, message).ended);
    for (const ended of await Promise.all(streams)) expect(ended.status).toBe('0');
    await lives();
  });

  test('a client that reads nothing holds up nobody', async () => {
    const bytes = 4 * 1024 * 1024;
    const large = {
      model_name: 'wide',
      inputs: [{ name: 'x', datatype: 'INT64', shape: [bytes / 8] }],
      raw_input_contents: [Buffer.alloc(bytes)],
    };
    const { stream, ended } = send(infer, framed(client.encode('ModelInfer', large)));
    stream.pause();
    await new Promise((resolve) => stream.once('response', resolve));
    await lives();
    stream.destroy();
    await ended;
  });
});

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}
