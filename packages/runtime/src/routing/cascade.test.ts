import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FetchAnswer, type FetchRequest, streamLog } from '@covey/ports';
import { simulatedFetch, simulatedWorld } from '@covey/ports/simulated';
import { type Cascade, checkDocument, RouteSchema, type Tensor } from '@covey/protocol';
import { expect, test } from 'vitest';
import { schemaOf } from '../models.fixture.ts';
import { nodePlatform } from '../node/index.ts';
import { type Asker, createCascade } from './cascade.ts';

const { files } = nodePlatform;

const floats = (...values: number[]): Tensor => ({
  datatype: 'FP32',
  shape: [1, values.length],
  data: new Uint8Array(Float32Array.from(values).buffer),
});
const policy: Cascade = {
  url: 'https://cloud.example',
  model: 'bigger',
  output: 'y',
  scores: 'probabilities',
  certainty: 0.5,
  timeoutMs: 1_000,
  callsPerHour: 1_000,
  bytesPerHour: 1_000_000,
};
const [sure, unsure, fromCloud] = [floats(0.99, 0.01), floats(0.6, 0.4), floats(0, 1)];
const inputs = { x: floats(1, 2) };

const answerOf = (json: unknown, binary: Uint8Array = fromCloud.data): FetchAnswer => {
  const text = Buffer.from(JSON.stringify(json));
  return {
    status: 200,
    headers: { 'inference-header-content-length': String(text.byteLength) },
    body: Buffer.concat([text, binary]),
  };
};
const output = { name: 'y', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } };
const good = { model_name: 'bigger', model_version: '2.0.0', outputs: [output] };

const nobody: Asker = { trace: undefined, traceparent: undefined, tracestate: undefined };

/** A cascade in virtual time; `ask` says what a client with this answer of the device gets. */
function cascadeWith(
  change: Partial<Cascade> = {},
  answer: (request: FetchRequest) => FetchAnswer = () => answerOf(good),
) {
  const world = simulatedWorld(1);
  const cloud = simulatedFetch(world, answer);
  const log = streamLog({ write: () => true }, world.clock, 'error');
  const cascade = createCascade(
    { ...policy, ...change },
    { clock: world.clock, log, fetch: cloud.fetch, files },
  );
  const ask = async (own = unsure, leftMs = Number.POSITIVE_INFINITY, asker: Asker = nobody) => {
    const pending = cascade.refine(inputs, { y: own }, schemaOf('FP32', [1, 2]), leftMs, asker);
    await world.advance(Math.min(leftMs, policy.timeoutMs));
    return pending;
  };
  return { world, cloud, ask, cascade };
}

test('who is sure answers; who is not asks the bigger model, over the binary protocol', async () => {
  const requests: FetchRequest[] = [];
  const { ask, cloud } = cascadeWith({ version: 'stable' }, (request) => {
    requests.push(request);
    return answerOf(good);
  });
  expect(await ask(sure)).toEqual({
    outputs: { y: sure },
    parameters: { answered_by: 'device', certainty: 0.9192 },
  });
  expect(cloud.served).toEqual([]);
  expect(await ask()).toEqual({
    outputs: { y: fromCloud },
    parameters: { answered_by: 'cloud', certainty: 0.029, cloud_version: '2.0.0' },
  });
  expect(cloud.served).toEqual(['POST https://cloud.example/v2/models/bigger/versions/stable/infer']);
  const [request] = requests;
  const length = Number(request?.headers?.['inference-header-content-length']);
  expect(JSON.parse(Buffer.from(request?.body ?? []).toString('utf8', 0, length))).toEqual({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } }],
    parameters: { binary_data_output: true },
  });
  expect(Buffer.from(request?.body ?? []).subarray(length)).toEqual(Buffer.from(inputs.x.data));
});

test('a cloud that is away costs three requests their patience, then nobody waits, until one finds it back', async () => {
  const { ask, cloud, world } = cascadeWith();
  cloud.isUp = false;
  const away = { answered_by: 'device', certainty: 0.029, cloud: 'away' };
  for (let i = 0; i < 6; i++) expect((await ask()).parameters).toEqual(away);
  cloud.isUp = true;
  await world.advance(60_000);
  expect((await ask()).parameters).toMatchObject({ answered_by: 'cloud' });
  expect((await ask()).parameters).toMatchObject({ answered_by: 'cloud' });
});

test('a cloud that does not answer in time, or in the time that the request has, is away', async () => {
  const { ask, cloud } = cascadeWith();
  cloud.latencyMs = 2_000;
  expect((await ask()).parameters).toMatchObject({ answered_by: 'device', cloud: 'away' });
  cloud.latencyMs = 200;
  expect((await ask(unsure, 100)).parameters).toMatchObject({ answered_by: 'device', cloud: 'away' });
  expect((await ask(unsure, 0.5)).parameters).toMatchObject({ answered_by: 'device', cloud: 'no time' });
  expect((await ask()).parameters).toMatchObject({ answered_by: 'cloud' });
});

test.each<[string, FetchAnswer]>([
  ['an error', { status: 500, headers: {}, body: Buffer.from('{"error":"no"}') }],
  ['no binary extension', { status: 200, headers: {}, body: Buffer.from('{}') }],
  ['a length that lies', { ...answerOf(good), headers: { 'inference-header-content-length': '9999' } }],
  ['no JSON', { ...answerOf(good), headers: { 'inference-header-content-length': '3' } }],
  ['another shape', answerOf({ outputs: [{ ...output, shape: [2, 1] }] })],
  ['another type', answerOf({ outputs: [{ ...output, datatype: 'INT32' }] })],
  ['outputs that are cut off', answerOf(good, fromCloud.data.subarray(1))],
  ['outputs of another model', answerOf({ outputs: [{ ...output, name: 'z' }] })],
  ['more than the device could have said', answerOf(good, new Uint8Array(100_000))],
])('a cloud that answers with %s is not believed', async (_, answer) => {
  const { ask } = cascadeWith({}, () => answer);
  const { outputs, parameters } = await ask();
  expect(outputs).toEqual({ y: unsure });
  expect(parameters).toMatchObject({ answered_by: 'device', cloud: 'failed' });
});

test('beyond the calls of an hour the device answers by itself', async () => {
  const { ask, cloud, world } = cascadeWith({ callsPerHour: 5 });
  const answers: unknown[] = [];
  for (let i = 0; i < 8; i++) answers.push((await ask()).parameters.cloud);
  expect(answers).toEqual([...Array(5).fill(undefined), ...Array(3).fill('call budget spent')]);
  await world.advance(62 * 60_000);
  expect((await ask()).parameters).toMatchObject({ answered_by: 'cloud' });
  expect(cloud.served).toHaveLength(6);
});

test('bytes are counted both ways, and calls at one time do not spend the same ones', async () => {
  let bytes = 0;
  const { cascade, ask, world } = cascadeWith({ bytesPerHour: 200_000 }, (request) => {
    const answer = answerOf(good);
    bytes += (request.body?.byteLength ?? 0) + answer.body.byteLength;
    return answer;
  });
  const schema = schemaOf('FP32', [1, 2]);
  const together = Array.from({ length: 10 }, () =>
    cascade.refine(inputs, { y: unsure }, schema, 1e9, nobody),
  );
  await world.advance(100);
  const by = (await Promise.all(together)).map(({ parameters }) => parameters.cloud);
  // Each may be answered with 64 KiB and a little more.
  expect(by.filter((cloud) => cloud === undefined)).toHaveLength(3);
  expect(new Set(by.slice(3))).toEqual(new Set(['byte budget spent']));
  for (let i = 0; i < 1_000; i++) await ask();
  expect(bytes).toBeGreaterThan(100_000);
  expect(bytes).toBeLessThanOrEqual(200_000);
}, 60_000);

test('a token comes from its file for every call, and without it nobody is asked', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'covey-token-'));
  const tokenPath = join(folder, 'token');
  const seen: (string | undefined)[] = [];
  const clock = { now: () => 0, monotonicMs: () => 0, setTimer: () => ({ cancel: () => {} }) };
  const log = streamLog({ write: () => true }, clock, 'error');
  const fetch = async (request: FetchRequest) => {
    seen.push(request.headers?.authorization);
    return answerOf(good);
  };
  const cascade = createCascade({ ...policy, tokenPath }, { clock, log, fetch, files });
  const ask = () => cascade.refine(inputs, { y: unsure }, schemaOf('FP32', [1, 2]), 1e9, nobody);
  try {
    expect((await ask()).parameters).toMatchObject({ answered_by: 'device', cloud: 'failed' });
    await writeFile(tokenPath, 'first\n');
    await ask();
    await writeFile(tokenPath, 'second');
    await ask();
    await writeFile(tokenPath, 'a token\r\nx-other: header');
    expect((await ask()).parameters).toMatchObject({ answered_by: 'device' });
    expect(seen).toEqual(['Bearer first', 'Bearer second']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('inputs go over https or to this machine, and no secret is in an address', () => {
  const check = (url: string) =>
    checkDocument(RouteSchema, { model: 'm', version: '1.0.0', cascade: { ...policy, url } }, 'route');
  for (const url of [
    'https://cloud.example',
    'http://127.0.0.1:8000',
    'http://localhost:1',
    'http://[::1]:8000/base',
  ])
    expect(check(url).cascade?.url).toBe(url);
  for (const url of [
    'http://cloud.example',
    'http://127.0.0.1.example',
    'http://localhost.example',
    'ftp://127.0.0.1',
    'https://user:password@cloud.example',
    'https://cloud.example/?token=x',
    'https://cloud.example/#x',
    'cloud',
  ])
    expect(() => check(url), url).toThrow(expect.objectContaining({ code: 'INVALID_DOCUMENT' }));
});

test('what the caller said of its trace goes on as it came, and nothing that is no trace', async () => {
  const seen: FetchRequest['headers'][] = [];
  const { ask } = cascadeWith({}, (request) => {
    seen.push(request.headers);
    return answerOf(good);
  });
  const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-00`;
  await ask(unsure, undefined, { trace: undefined, traceparent, tracestate: 'rojo=1' });
  await ask(unsure, undefined, { trace: undefined, traceparent: 'x\r\ny: z', tracestate: 'rojo=1' });
  expect(seen[0]).toMatchObject({ traceparent, tracestate: 'rojo=1' });
  expect(Object.keys(seen[1] ?? {})).not.toContain('traceparent');
  expect(Object.keys(seen[1] ?? {})).not.toContain('tracestate');
});
