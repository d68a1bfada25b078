import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect as tlsConnect } from 'node:tls';
import { openTransfer } from '@covey/bundle/transfer';
import { firstUpload, parseMetadata, type Targets } from '@covey/bundle/tuf';
import { nodeFetch, systemClock, systemDisk, systemRandom } from '@covey/ports';
import { connectAsync } from 'mqtt';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { publisher, requestFor, rootSigner } from '../trust.fixture.ts';
import { type Addresses, type Controller, createController } from './controller.ts';
import { memoryLog, testBundle } from './domain.fixture.ts';
import { newDevice } from './enrolment.fixture.ts';

let folder: string;
let controller: Controller;
const log: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'covey-controller-'));
});
afterEach(async () => {
  await controller.stop();
  await rm(folder, { recursive: true });
});

function newController(ports: { adminPort?: number; devicePort?: number } = {}): Controller {
  controller = createController({
    ports: { clock: systemClock, random: systemRandom, disk: systemDisk, log: memoryLog(log) },
    folder: join(folder, 'controller'),
    listen: { host: '127.0.0.1', adminPort: 0, mqttPort: 0, devicePort: 0, ...ports },
    names: [],
    version: '0.1.0',
  });
  return controller;
}

async function admin({ adminUrl }: Addresses) {
  const base = { timeoutMs: 5_000, maxBytes: 1_000_000 };
  const read = (name: string) => systemDisk.read(join(folder, 'controller', name));
  const token = new TextDecoder().decode(await read('admin.token')).trim();
  const insecure = await nodeFetch({
    ...base,
    method: 'GET',
    url: `${adminUrl}/enrol/ca`,
    tls: { insecureReadOfCa: true },
  });
  const ca = new TextDecoder().decode(insecure.body);
  return {
    ca,
    call: async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) => {
      const isBytes = body instanceof Uint8Array;
      const answer = await nodeFetch({
        ...base,
        method,
        url: `${adminUrl}${path}`,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && {
            'content-type': isBytes ? 'application/octet-stream' : 'application/json',
          }),
        },
        ...(body !== undefined && { body: isBytes ? body : new TextEncoder().encode(JSON.stringify(body)) }),
        tls: { ca },
      });
      const text = new TextDecoder().decode(answer.body);
      return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
    },
  };
}

type Call = Awaited<ReturnType<typeof admin>>['call'];

/** A root of trust that names the keys of the tests, and the controller's own for what it signs by itself. */
async function trustPublisher(call: Call): Promise<void> {
  const { keyid: _, ...online } = (await call('GET', '/v1/trust')).body.onlineKey;
  const one = (signer: typeof publisher) => ({ signers: [signer], threshold: 1 });
  const upload = await firstUpload({ root: one(rootSigner), targets: one(publisher) }, online, Date.now());
  expect((await call('POST', '/v1/trust', upload)).status).toBe(200);
}

async function publish(call: Call, bundle: ReturnType<typeof testBundle>) {
  for (const [sha256, bytes] of bundle.chunks)
    expect((await call('PUT', `/v1/chunks/${sha256}`, bytes)).status).toBe(204);
  const newest = async (role: string) => {
    const { status, body } = await call('GET', `/v1/trust/${role}`);
    return status === 200 ? new TextEncoder().encode(JSON.stringify(body)) : undefined;
  };
  return call('POST', '/v1/models/bearing/versions', await requestFor({ newest }, bundle, Date.now()));
}

it('serves an enrolled device what was published, with ranges, until it is revoked', async () => {
  const addresses = await newController().start();
  const { ca, call } = await admin(addresses);
  await trustPublisher(call);
  const bundle = testBundle('1.0.0');
  expect((await publish(call, bundle)).status).toBe(200);
  const { body: made } = await call('POST', '/v1/tokens', {});
  const device = await newDevice('edge-1', made.token);
  const { body: enrolled } = await call('POST', '/enrol', device.request);
  expect(enrolled).toMatchObject({
    deviceId: 'edge-1',
    ...{ mqttUrl: addresses.mqttUrl, deviceUrl: addresses.deviceUrl },
  });
  const fetchAsDevice = (path: string, headers: Record<string, string> = {}) =>
    nodeFetch({
      method: 'GET',
      url: `${addresses.deviceUrl}${path}`,
      headers,
      tls: { ca, certificate: enrolled.certificatePem, key: device.keyPem },
      timeoutMs: 5_000,
      maxBytes: 1_000_000,
    });
  const stored = await fetchAsDevice(`/bundles/${bundle.digest}`);
  expect(Buffer.compare(stored.body, bundle.manifestBytes)).toBe(0);
  const listed: Targets = parseMetadata(
    'targets',
    (await fetchAsDevice('/trust/1.bearing.json')).body,
  ).signed;
  expect(listed.targets['bearing/1.0.0']?.hashes).toEqual({ sha256: bundle.digest });
  expect((await fetchAsDevice('/trust/timestamp.json')).headers['cache-control']).toBe('no-cache');
  expect((await fetchAsDevice('/trust/2.bearing.json')).status).toBe(404);
  const [[sha256, bytes] = ['', new Uint8Array()]] = bundle.chunks;
  const rest = await fetchAsDevice(`/chunks/${sha256}`, { range: 'bytes=10-' });
  expect([rest.status, rest.headers['content-range']]).toEqual([
    206,
    `bytes 10-${bytes.length - 1}/${bytes.length}`,
  ]);
  expect(Buffer.compare(rest.body, bytes.subarray(10))).toBe(0);
  expect((await fetchAsDevice(`/chunks/${sha256}`, { range: `bytes=${bytes.length}-` })).status).toBe(416);
  expect((await fetchAsDevice(`/chunks/${'0'.repeat(64)}`)).status).toBe(404);
  expect((await fetchAsDevice('/chunks/..%2f..%2fadmin.token')).status).toBe(404);
  const [file] = bundle.manifest.files;
  const whole = await fetchAsDevice(`/transfers/${file?.sha256}`);
  expect([whole.status, whole.headers['cache-control']]).toEqual([
    200,
    'public, max-age=31536000, immutable',
  ]);
  expect(openTransfer(whole.body, file ?? { sizeBytes: 0, chunks: [] }, 0).sizeBytes).toBe(whole.body.length);
  const part = await fetchAsDevice(`/transfers/${file?.sha256}`, { range: 'bytes=4-9' });
  expect([part.status, Buffer.compare(part.body, whole.body.subarray(4, 10))]).toEqual([206, 0]);
  for (const path of [`${sha256}0`, `${file?.sha256}?from=x`, `${file?.sha256}?from=${'0'.repeat(64)}`])
    expect((await fetchAsDevice(`/transfers/${path}`)).status).toBe(404);
  expect((await call('DELETE', '/v1/devices/edge-1')).status).toBe(204);
  expect((await fetchAsDevice(`/chunks/${sha256}`)).status).toBe(403);
  const anonymous = nodeFetch({
    method: 'GET',
    url: addresses.deviceUrl,
    tls: { ca },
    timeoutMs: 5_000,
    maxBytes: 100,
  });
  await expect(anonymous).rejects.toMatchObject({ code: 'UNREACHABLE' });
});

it.each(['DELETE', 'POST'] as const)(
  'ends a device’s live connections within a second, MQTT and HTTP (%s)',
  async (method) => {
    const addresses = await newController().start();
    const { ca, call } = await admin(addresses);
    await trustPublisher(call);
    const connect = async (id: string) => {
      const { body: made } = await call('POST', '/v1/tokens', {});
      const device = await newDevice(id, made.token);
      const { body: enrolled } = await call('POST', '/enrol', device.request);
      const tls = { ca, cert: enrolled.certificatePem, key: device.keyPem };
      const mqtt = await connectAsync(addresses.mqttUrl, { clientId: id, reconnectPeriod: 0, ...tls });
      // Connected, and not a word of MQTT yet.
      const silent = tlsConnect({ port: Number(new URL(addresses.mqttUrl).port), ...tls });
      const http = tlsConnect({ port: Number(new URL(addresses.deviceUrl).port), ...tls });
      await Promise.all([once(http, 'secureConnect'), once(silent, 'secureConnect')]);
      http.write('GET /identity HTTP/1.1\r\nhost: localhost\r\n\r\n');
      const [answer] = await once(http, 'data');
      expect(String(answer)).toContain('200 OK');
      return { mqtt, http, silent };
    };
    const refused = await connect('edge-1');
    const other = await connect('edge-2');
    const closed = Promise.all([
      new Promise<void>((resolve) => void refused.mqtt.on('error', () => {}).once('close', () => resolve())),
      once(
        refused.http.on('error', () => {}),
        'close',
      ),
      once(
        refused.silent.on('error', () => {}),
        'close',
      ),
    ]);
    const at = performance.now();
    const path = method === 'DELETE' ? '/v1/devices/edge-1' : '/v1/devices/edge-1/reset';
    expect((await call(method, path)).status).toBe(204);
    await closed;
    expect(performance.now() - at).toBeLessThan(1_000);
    expect([other.mqtt.connected, other.http.closed, other.silent.closed]).toEqual([true, false, false]);
    for (const { mqtt, http, silent } of [refused, other]) {
      mqtt.end(true);
      for (const socket of [http, silent]) socket.on('error', () => {}).destroy();
    }
  },
);

it('serves operators and devices on one port where both are told the same', async () => {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const addresses = await newController({ adminPort: port, devicePort: port }).start();
  expect(addresses.deviceUrl).toBe(addresses.adminUrl);
  const { ca, call } = await admin(addresses);
  await trustPublisher(call);
  const device = await newDevice('edge-1', (await call('POST', '/v1/tokens', {})).body.token);
  const { body: enrolled } = await call('POST', '/enrol', device.request);
  const ask = (path: string, tls: { certificate?: string; key?: string }) =>
    nodeFetch({
      method: 'GET',
      url: `${addresses.deviceUrl}${path}`,
      tls: { ca, ...tls },
      timeoutMs: 5_000,
      maxBytes: 100_000,
    });
  const own = { certificate: enrolled.certificatePem, key: device.keyPem };
  expect((await ask('/identity', own)).status).toBe(200);
  for (const path of ['/identity', '/chunks/x', '/trust/root.json'])
    expect((await ask(path, {})).status, path).toBe(401);
  // A device's certificate opens nothing of the operators'.
  expect((await ask('/v1/devices', own)).status).toBe(401);
  const url = `${addresses.deviceUrl.replace('https', 'wss')}/mqtt`;
  const tls = { ca, cert: own.certificate, key: own.key };
  const client = await connectAsync(url, { clientId: 'edge-1', reconnectPeriod: 0, ...tls });
  await client.endAsync();
  await expect(connectAsync(url, { clientId: 'edge-1', reconnectPeriod: 0, ca })).rejects.toThrow();
});

it('keeps its data in a folder only its owner may read, and starts on it again', async () => {
  const first = newController();
  const { call } = await admin(await first.start());
  await trustPublisher(call);
  const before = (await call('GET', '/v1/trust')).body;
  await first.stop();
  await first.stop();
  const names = await readdir(join(folder, 'controller'));
  expect(names).toEqual(
    expect.arrayContaining(['admin.token', 'blobs', 'ca', 'covey.db', 'covey.json', 'online-key.pem']),
  );
  for (const name of ['admin.token', 'online-key.pem'])
    expect((await stat(join(folder, 'controller', name))).mode & 0o077).toBe(0);
  const again = await admin(await newController().start());
  expect((await again.call('GET', '/v1/trust')).body).toEqual(before);
});

it('names the port that is in use, and leaves nothing running', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  const adminPort = typeof address === 'object' && address ? address.port : 0;
  await expect(newController({ adminPort }).start()).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    message: `port ${adminPort} on 127.0.0.1, wanted for the admin API, is in use`,
  });
  await new Promise((resolve) => other.close(resolve));
  const { adminUrl } = await newController({ adminPort }).start();
  expect(adminUrl).toBe(`https://127.0.0.1:${adminPort}`);
});

it('goes on with a rollout after its process was killed', async () => {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'controller-process.fixture.ts'), join(folder, 'controller')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = once(child, 'exit');
  const [line] = await once(createInterface(child.stdout), 'line');
  const { call } = await admin(JSON.parse(line) as Addresses);
  await trustPublisher(call);
  const bundle = testBundle('1.0.0');
  await publish(call, bundle);
  const { body: made } = await call('POST', '/v1/tokens', {});
  await call('POST', '/enrol', (await newDevice('edge-1', made.token)).request);
  const plan = { model: 'bearing', version: '1', gate: { timeoutMs: 1_000 }, soak: { maxDurationMs: 500 } };
  const { body: rollout } = await call('POST', '/v1/rollouts', plan);
  expect(rollout).toMatchObject({ state: 'running', waves: [{ state: 'moving' }] });
  child.kill('SIGKILL');
  await ended;
  const again = await admin(await newController().start());
  let { body: view } = await again.call('GET', `/v1/rollouts/${rollout.id}`);
  let { body: changes } = await again.call('GET', '/v1/changes');
  while (view.state === 'running') {
    ({ body: changes } = await again.call('GET', `/v1/changes?timeoutMs=2000&after=${changes.cursor}`));
    ({ body: view } = await again.call('GET', `/v1/rollouts/${rollout.id}`));
  }
  expect(view).toMatchObject({
    state: 'paused',
    reason: 'wave 1 is inconclusive: device edge-1: the device has not answered for 1 s',
  });
});

it('answers who waits for changes when it stops', async () => {
  const running = newController();
  const { call } = await admin(await running.start());
  const { body } = await call('GET', '/v1/changes');
  const waiting = call('GET', `/v1/changes?after=${body.cursor}`);
  const healthy = await call('GET', '/healthz');
  expect(healthy.body.status).toBe('ok');
  await running.stop();
  await expect(waiting.then((answer) => answer.status)).resolves.toBe(200);
});
