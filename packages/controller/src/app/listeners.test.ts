import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { nodeFetch } from '@covey/ports/network';
import { connectAsync } from 'mqtt';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { admin, controllerIn, trustPublisher } from './admin-client.fixture.ts';
import type { Controller } from './controller.ts';
import { newDevice } from './enrolment.fixture.ts';

let folder: string;
let controller: Controller;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'covey-controller-'));
});
afterEach(async () => {
  await controller.stop();
  await rm(folder, { recursive: true });
});

function newController(ports: { adminPort?: number; devicePort?: number } = {}): Controller {
  controller = controllerIn(folder, ports);
  return controller;
}

it.each(['DELETE', 'POST'] as const)(
  'ends a device’s live connections within a second, MQTT and HTTP (%s)',
  async (method) => {
    const addresses = await newController().start();
    const { ca, call } = await admin(folder, addresses);
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
    // Not by a silence that somebody notices, which takes far longer.
    expect(performance.now() - at).toBeLessThan(5_000);
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
  const { ca, call } = await admin(folder, addresses);
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
  const unroutable = await ask('/chunks/%zz', own);
  expect([unroutable.status, JSON.parse(Buffer.from(unroutable.body).toString())]).toMatchObject([
    400,
    { code: 'INVALID_DOCUMENT', remedy: expect.any(String) },
  ]);
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
