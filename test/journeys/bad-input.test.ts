import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { buildBundle } from '@covey/bundle';
import { createKeyPair, pemSigner } from '@covey/bundle/tuf';
import { ensureTrust, publishBundle } from '@covey/cli';
import type { FetchAnswer, FetchRequest } from '@covey/ports';
import { nodeFetch } from '@covey/ports/network';
import { limits } from '@covey/protocol';
import type { RolloutView } from '@covey/protocol/api';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { identityOf, impostorOf } from './impostor.ts';
import { scalingBundleSource, scalingModel } from './scaling-model.ts';
import {
  enrolDevice,
  type StandingDevice,
  type StandingFleet,
  startStandingFleet,
} from './standing-fleet.ts';

let fleet: StandingFleet;
let device: StandingDevice;
let pids: (number | undefined)[];

const processes = () => [fleet.controller.child.pid, device.service.child.pid];

beforeAll(async () => {
  fleet = await startStandingFleet(1);
  const [only] = fleet.devices;
  if (!only) throw new Error('the fleet has a device');
  device = only;
  await publish('1.0.0');
  await fleet.install('1.0.0');
  pids = processes();
});
afterAll(() => fleet.stop());
/** Whatever was sent, everybody else is served as before, by the same processes. */
afterEach(async () => {
  expect((await infer(tensor())).status).toBe(200);
  const view = await device.view();
  expect([view.online, view.reported?.runtimeDeaths, view.reported?.serving[0]?.version]).toEqual([
    true,
    0,
    '1.0.0',
  ]);
  expect(processes()).toEqual(pids);
  expect([fleet.controller.child.exitCode, device.service.child.exitCode]).toEqual([null, null]);
});

const publish = async (version: string, onnx?: Uint8Array) =>
  publishBundle(
    fleet.client,
    buildBundle(scalingBundleSource(version, onnx && { onnx })),
    [await ensureTrust(fleet.client, fleet.data)],
    () => {},
  );
const codeOf = ({ status, body }: FetchAnswer) => [
  status,
  (JSON.parse(Buffer.from(body).toString()) as { code?: string }).code,
];

interface TensorDocument {
  name: string;
  datatype: string;
  shape: unknown;
  data: unknown;
}
const tensor = (changes: Partial<TensorDocument> = {}): string =>
  JSON.stringify({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4], ...changes }],
  });
const infer = (body: string | Uint8Array, path = 'scaling/infer', headers: Record<string, string> = {}) =>
  nodeFetch({
    method: 'POST',
    url: `${device.inferenceUrl}/v2/models/${path}`,
    headers,
    body: Buffer.from(body),
    timeoutMs: 20_000,
    maxBytes: limits.adminBodyBytes,
  });

describe('the inference API', () => {
  test.each<[string, string, string, string]>([
    ['no JSON', '{"inputs": [', 'scaling/infer', '400 INVALID_DOCUMENT'],
    ['another document', '{"instances": []}', 'scaling/infer', '400 INVALID_DOCUMENT'],
    ['an unknown model', tensor(), 'absent/infer', '404 MODEL_UNKNOWN'],
    ['an unknown version', tensor(), 'scaling/versions/9.9.9/infer', '404 MODEL_UNKNOWN'],
    ['a shape of another rank', tensor({ shape: [4] }), 'scaling/infer', '400 INPUT_INVALID'],
    [
      'a shape of another size',
      tensor({ shape: [1, 5], data: [1, 2, 3, 4, 5] }),
      'scaling/infer',
      '400 INPUT_INVALID',
    ],
    ['a negative dimension', tensor({ shape: [-1, 4] }), 'scaling/infer', '400 INVALID_DOCUMENT'],
    ['a huge shape', tensor({ shape: [2 ** 50, 4] }), 'scaling/infer', '400 INPUT_INVALID'],
    ['another type', tensor({ datatype: 'INT64' }), 'scaling/infer', '400 INPUT_INVALID'],
    ['no type', tensor({ datatype: 'FLOAT' }), 'scaling/infer', '400 INVALID_DOCUMENT'],
    ['too few values', tensor({ data: [1, 2, 3] }), 'scaling/infer', '400 INPUT_INVALID'],
    ['values that are none', tensor({ data: ['a', 'b', 'c', 'd'] }), 'scaling/infer', '400 INPUT_INVALID'],
    ['another name', tensor({ name: 'z' }), 'scaling/infer', '400 INPUT_INVALID'],
    ['a broken address', tensor(), '%zz/infer', '400 INVALID_DOCUMENT'],
    ['another address', tensor(), 'scaling/destroy', '404 NOT_FOUND'],
  ])('%s', async (_what, body, path, expected) => {
    const { status, headers, body: answer } = await infer(body, path);
    expect(`${status} ${headers['x-covey-error-code']}`, Buffer.from(answer).toString()).toBe(expected);
    expect(JSON.parse(Buffer.from(answer).toString())).toEqual({ error: expect.stringMatching(/\w/) });
  });

  test.each<[string, () => Uint8Array]>([
    ['noise', () => Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 97) % 251))],
    [
      'a body that is announced larger than allowed',
      () =>
        Buffer.from(
          `POST /v2/models/scaling/infer HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${limits.inferenceBodyBytes + 1}\r\n\r\n{`,
        ),
    ],
    [
      'a name that is none of this machine’s, with a body that never ends',
      () => Buffer.from('POST /v2/models/scaling/infer HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{'),
    ],
    ['headers without end', () => Buffer.from(`GET /v2 HTTP/1.1\r\nx: ${'y'.repeat(100_000)}`)],
  ])('%s: answered, and the connection ends', async (_what, bytes) => {
    const { hostname, port } = new URL(device.inferenceUrl);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        answer += chunk;
      });
    socket.write(bytes());
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1.1 4\d\d /);
    expect(answer).toContain('"error"');
  });
});

function adminRequest(
  request: Partial<FetchRequest> & { path: string; token?: string },
): Promise<FetchAnswer> {
  const { path, token, ...rest } = request;
  const controller = join(fleet.data, 'controller');
  const bearer = token ?? readFileSync(join(controller, 'admin.token'), 'utf8').trim();
  return nodeFetch({
    method: 'POST',
    url: new URL(path, fleet.controller.ready.url).href,
    tls: { ca: readFileSync(join(controller, 'ca', 'ca.pem'), 'utf8') },
    timeoutMs: 20_000,
    maxBytes: limits.adminBodyBytes,
    ...rest,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', ...request.headers },
  });
}

describe('the admin API and enrolment', () => {
  const body = (document: unknown) => Buffer.from(JSON.stringify(document));
  const enrolment = {
    secret: 'x'.repeat(30),
    deviceId: 'edge-9',
    csrPem: 'none',
    tags: {},
    trustDigest: 'a'.repeat(64),
  };
  const absent = 'a'.repeat(64);

  test.each<[string, Parameters<typeof adminRequest>[0], [number, string]]>([
    ['no JSON', { path: '/v1/rollouts', body: Buffer.from('{') }, [400, 'INVALID_DOCUMENT']],
    ['a wrong token', { path: '/v1/devices', method: 'GET', token: 'guess' }, [401, 'UNAUTHENTICATED']],
    [
      'a field missing',
      { path: '/v1/rollouts', body: body({ model: 'scaling' }) },
      [400, 'INVALID_DOCUMENT'],
    ],
    [
      'an unknown version',
      { path: '/v1/rollouts', body: body({ model: 'scaling', version: '9.9.9' }) },
      [404, 'NOT_FOUND'],
    ],
    ['an unknown model', { path: '/v1/rollbacks', body: body({ model: 'absent' }) }, [404, 'NOT_FOUND']],
    ['an unknown device', { path: '/v1/devices/absent', method: 'GET' }, [404, 'NOT_FOUND']],
    ['a device that is no name', { path: '/v1/devices/%00', method: 'GET' }, [400, 'INVALID_DOCUMENT']],
    ['an unknown address', { path: '/v1/secrets', method: 'GET' }, [404, 'NOT_FOUND']],
    [
      'a body that is too large',
      { path: '/v1/tokens', body: Buffer.alloc(limits.adminBodyBytes + 1, 0x20) },
      [413, 'PAYLOAD_TOO_LARGE'],
    ],
    [
      'a chunk of other bytes than its name',
      {
        path: `/v1/chunks/${absent}`,
        method: 'PUT',
        body: Buffer.from('other'),
        headers: { 'content-type': 'application/octet-stream' },
      },
      [400, 'BUNDLE_CORRUPT'],
    ],
    ['an enrolment that is no JSON', { path: '/enrol', body: Buffer.from('{') }, [400, 'INVALID_DOCUMENT']],
    ['an enrolment without a token', { path: '/enrol', body: body(enrolment) }, [401, 'TOKEN_UNKNOWN']],
    [
      'an enrolment that is too large',
      { path: '/enrol', body: body({ ...enrolment, csrPem: 'x'.repeat(limits.enrolBodyBytes) }) },
      [413, 'PAYLOAD_TOO_LARGE'],
    ],
  ])('%s', async (_what, request, expected) => {
    const answer = await adminRequest(request);
    expect(codeOf(answer), Buffer.from(answer.body).toString()).toEqual(expected);
  });

  test('a signed bundle whose model is no ONNX file, or half of one', async () => {
    await expect(publish('2.0.0', Buffer.from('<!doctype html>'))).rejects.toMatchObject({
      code: 'MODEL_INVALID',
    });
    await expect(publish('2.0.0', scalingModel('2.0.0').subarray(0, 60))).rejects.toMatchObject({
      code: 'MODEL_INVALID',
    });
  });

  test('a bundle signed by nobody we know, and one whose chunks did not come', async () => {
    const unknown = buildBundle(scalingBundleSource('2.0.0'));
    const stranger = pemSigner(createKeyPair('ed25519').privateKeyPem);
    await expect(publishBundle(fleet.client, unknown, [stranger], () => {})).rejects.toMatchObject({
      code: 'TRUST_SIGNATURE',
    });
    const whole = buildBundle(scalingBundleSource('2.0.0', { ballastBytes: 1_000 }));
    const publisher = await ensureTrust(fleet.client, fleet.data);
    await expect(
      publishBundle(fleet.client, { ...whole, chunks: new Map() }, [publisher], () => {}),
    ).rejects.toMatchObject({
      code: 'BUNDLE_INCOMPLETE',
    });
  });

  test('what was refused left no version and no rollout', async () => {
    const models = await adminRequest({ path: '/v1/models/scaling', method: 'GET' });
    const { versions } = JSON.parse(Buffer.from(models.body).toString()) as {
      versions: { version: string }[];
    };
    expect(versions.map(({ version }) => version)).toEqual(['1.0.0']);
    const rollouts = await adminRequest({ path: '/v1/rollouts', method: 'GET' });
    const document = JSON.parse(Buffer.from(rollouts.body).toString()) as { rollouts: RolloutView[] };
    expect(document.rollouts).toHaveLength(1);
  });
});

describe('the device listener', () => {
  test.each([
    ['an unknown bundle', `/bundles/${'a'.repeat(64)}`],
    ['a bundle that is no digest', '/bundles/latest'],
    ['a way out of the folder', '/chunks/..%2f..%2fadmin.token'],
    ['an unknown address', '/v1/devices'],
  ])('%s', async (what, path) => {
    const impostor = impostorOf(await enrolDevice(fleet, `http-${what.length}`));
    expect(codeOf(await impostor.get(path))).toEqual([404, 'NOT_FOUND']);
  });

  test('nobody without a certificate', async () => {
    const { deviceUrl, caPem: ca } = identityOf(device.folder);
    const ask = nodeFetch({ method: 'GET', url: deviceUrl, tls: { ca }, timeoutMs: 10_000, maxBytes: 1_000 });
    await expect(ask).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });
});
