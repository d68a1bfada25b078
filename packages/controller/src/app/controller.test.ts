import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openTransfer } from '@covey/bundle/transfer';
import { parseMetadata, type Targets } from '@covey/bundle/tuf';
import { nodeFetch } from '@covey/ports/network';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { admin, controllerIn, publish, trustPublisher } from './admin-client.fixture.ts';
import type { Addresses, Controller } from './controller.ts';
import { testBundle } from './domain.fixture.ts';
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
  controller = controllerIn(folder, ports, log);
  return controller;
}

it('serves an enrolled device what was published, with ranges, until it is revoked', async () => {
  const addresses = await newController().start();
  const { ca, call } = await admin(folder, addresses);
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
  const beyond = await fetchAsDevice(`/chunks/${sha256}`, { range: `bytes=${bytes.length}-` });
  expect([beyond.status, beyond.headers['cache-control']]).toEqual([416, undefined]);
  expect((await fetchAsDevice(`/chunks/${'0'.repeat(64)}`)).status).toBe(404);
  expect((await fetchAsDevice('/chunks/..%2f..%2fadmin.token')).status).toBe(404);
  const [file] = bundle.manifest.files;
  const unwanted = await fetchAsDevice(`/transfers/${file?.sha256}`);
  expect([unwanted.status, JSON.parse(Buffer.from(unwanted.body).toString()).code]).toEqual([
    403,
    'TRANSFER_REFUSED',
  ]);
  await call('POST', '/v1/rollouts', { model: 'bearing', version: '1.0.0' });
  const whole = await fetchAsDevice(`/transfers/${file?.sha256}`);
  expect([whole.status, whole.headers['cache-control']]).toEqual([
    200,
    'public, max-age=31536000, immutable',
  ]);
  expect(openTransfer(whole.body, file ?? { sizeBytes: 0, chunks: [] }, 0).sizeBytes).toBe(whole.body.length);
  const part = await fetchAsDevice(`/transfers/${file?.sha256}`, { range: 'bytes=4-9' });
  expect([part.status, Buffer.compare(part.body, whole.body.subarray(4, 10))]).toEqual([206, 0]);
  // RFC 9110, 14.2: several ranges, other units and what is no range are passed over; none that is beyond the end.
  const size = whole.body.length;
  for (const [range, status, contentRange] of [
    ['bytes=0-1,3-4', 200, undefined],
    ['bytes=-5--3', 200, undefined],
    ['bytes=a-b', 200, undefined],
    ['lines=0-1', 200, undefined],
    ['bytes=-3', 206, `bytes ${size - 3}-${size - 1}/${size}`],
    ['bytes=-99999999999999999999', 206, `bytes 0-${size - 1}/${size}`],
    ['bytes=1-99999999999999999999', 206, `bytes 1-${size - 1}/${size}`],
    ['bytes=99999999999999999999-', 416, `bytes */${size}`],
    ['bytes=-0', 416, `bytes */${size}`],
  ] as const) {
    const answer = await fetchAsDevice(`/transfers/${file?.sha256}`, { range });
    expect([range, answer.status, answer.headers['content-range']]).toEqual([range, status, contentRange]);
    if (status === 200) expect(Buffer.compare(answer.body, whole.body)).toBe(0);
  }
  for (const path of [`${sha256}0`, `${file?.sha256}?from=x`])
    expect((await fetchAsDevice(`/transfers/${path}`)).status).toBe(404);
  expect((await fetchAsDevice(`/transfers/${file?.sha256}?from=${'0'.repeat(64)}`)).status).toBe(403);
  const onDisk = join(folder, 'controller', 'blobs', sha256.slice(0, 2), sha256);
  await writeFile(
    onDisk,
    bytes.map((byte) => byte ^ 1),
  );
  for (let times = 0; times < 3; times++) {
    const lost = await fetchAsDevice(`/chunks/${sha256}`);
    expect([lost.status, JSON.parse(Buffer.from(lost.body).toString())]).toMatchObject([
      503,
      { code: 'CHUNK_LOST', remedy: expect.stringContaining('covey model push') },
    ]);
    expect(lost.headers['cache-control']).toBeUndefined();
  }
  expect(log.filter((line) => line.includes('CHUNK_LOST') && line.includes('bearing 1.0.0'))).toHaveLength(1);
  expect((await call('POST', '/v1/chunks/missing', { chunks: [sha256] })).body).toEqual({
    missing: [sha256],
  });
  expect((await publish(call, bundle)).status).toBe(200);
  expect(Buffer.compare((await fetchAsDevice(`/chunks/${sha256}`)).body, bytes)).toBe(0);
  const { body: audit } = await call('GET', '/v1/audit');
  const actions = audit.entries.map(({ action }: { action: string }) => action);
  expect(actions).toEqual(expect.arrayContaining(['chunk.lose', 'chunk.restore']));
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

it('keeps its data in a folder only its owner may read, and starts on it again', async () => {
  const first = newController();
  const { call } = await admin(folder, await first.start());
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
  const again = await admin(folder, await newController().start());
  expect((await again.call('GET', '/v1/trust')).body).toEqual(before);
});

it('names a damaged online key', async () => {
  const first = newController();
  await first.start();
  await first.stop();
  await writeFile(join(folder, 'controller', 'online-key.pem'), '');
  await expect(newController().start()).rejects.toMatchObject({
    code: 'DATA_CORRUPT',
    message: expect.stringContaining('online-key.pem'),
  });
});

it('says at once that an online key was lost which devices trust: the one made anew signs nothing', async () => {
  const first = newController();
  const { call } = await admin(folder, await first.start());
  await trustPublisher(call);
  await first.stop();
  await rm(join(folder, 'controller', 'online-key.pem'));
  await newController().start();
  await expect
    .poll(() => log.join('\n'))
    .toMatch(/signing the timestamp failed.*another online key than the one in online-key.pem/);
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
  const { call } = await admin(folder, JSON.parse(line) as Addresses);
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
  const again = await admin(folder, await newController().start());
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
  const { call } = await admin(folder, await running.start());
  const { body } = await call('GET', '/v1/changes');
  const waiting = call('GET', `/v1/changes?after=${body.cursor}`);
  const healthy = await call('GET', '/healthz');
  expect(healthy.body.status).toBe('ok');
  await running.stop();
  await expect(waiting.then((answer) => answer.status)).resolves.toBe(200);
});
