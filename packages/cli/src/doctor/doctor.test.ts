import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enrol } from '@covey/agent';
import { type Addresses, type Controller, createController } from '@covey/controller';
import {
  type Clock,
  network,
  nodeFetch,
  streamLog,
  systemClock,
  systemDisk,
  systemRandom,
} from '@covey/ports';
import { TokenAnswer } from '@covey/protocol/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createClient } from '../client/client.ts';
import { writeProxySetting } from '../network/proxy.ts';
import { ensureTrust } from '../publish/trust.ts';
import { examine, type Patient, type Report } from './check.ts';
import { machineChecks } from './machine.ts';
import { networkChecks } from './network.ts';

/** Nobody here can resolve it. */
const nowhere = 'covey.invalid';
let scratch: string;
let folder: string;
const cleanups: (() => Promise<unknown> | unknown)[] = [];

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'covey-doctor-'));
  folder = join(scratch, 'device');
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(scratch, { recursive: true });
});

interface Started {
  addresses: Addresses;
  clock: Clock & { shiftMs: number };
  controller: Controller;
  call(method: 'POST' | 'DELETE', path: string): Promise<unknown>;
  enrol(): Promise<void>;
}

async function start(
  names: string[] = [],
  ports = { adminPort: 0, mqttPort: 0, devicePort: 0 },
  data = 'data',
): Promise<Started> {
  const clock = { ...systemClock, shiftMs: 0, now: () => systemClock.now() + clock.shiftMs };
  const base = join(scratch, data, 'controller');
  const controller = createController({
    ports: {
      clock,
      random: systemRandom,
      disk: systemDisk,
      log: streamLog({ write: () => {} }, clock, 'error'),
    },
    folder: base,
    listen: { host: '127.0.0.1', ...ports },
    names,
    version: '0.1.0',
  });
  const addresses = await controller.start();
  cleanups.push(() => controller.stop());
  const client = createClient({
    url: `https://localhost:${portOf(addresses.adminUrl)}`,
    token: readFileSync(join(base, 'admin.token'), 'utf8').trim(),
    ca: readFileSync(join(base, 'ca', 'ca.pem'), 'utf8'),
  });
  await ensureTrust(client, join(scratch, data));
  return {
    addresses,
    clock,
    controller,
    call: (method, path) => client.call({ method, path, answer: { parse: (value) => value } }),
    enrol: async () => {
      const { token } = await client.call({ method: 'POST', path: '/tokens', body: {}, answer: TokenAnswer });
      // By an address that works here, whatever name the device is told.
      const document = JSON.parse(Buffer.from(token.slice('covey1.'.length), 'base64url').toString());
      const url = `https://localhost:${portOf(document.url)}`;
      const here = `covey1.${Buffer.from(JSON.stringify({ ...document, url })).toString('base64url')}`;
      await enrol(
        { disk: systemDisk, fetch: nodeFetch },
        { token: here, folder, deviceId: 'edge-1', tags: {} },
      );
    },
  };
}

const portOf = (url: string) => Number(new URL(url).port);

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function report(change: Partial<Patient> = {}, checks = networkChecks): Promise<Report> {
  const probeModule = import.meta.resolve('@covey/runtime/probe');
  const patient: Patient = { folder, ports: await freePorts(2), probeModule, isRunning: false, ...change };
  const identity = machineChecks.filter(({ name }) => name === 'identity');
  return examine(patient, checks === networkChecks ? [...identity, ...checks] : checks, () => {});
}
const of = (findings: Report, name: string) => findings.find((finding) => finding.name === name);
const failures = (findings: Report) =>
  findings.filter(({ status }) => status === 'failed').map(({ name, code }) => `${name} ${code}`);

describe('a device on which all is well', () => {
  test('is told so, check by check, and its session is not taken', async () => {
    const { enrol: join } = await start();
    await join();
    const findings = await report({}, [...machineChecks, ...networkChecks]);
    expect(failures(findings)).toEqual([]);
    const states = Object.fromEntries(findings.map(({ name, status }) => [name, status]));
    for (const name of [
      'data folder',
      'identity',
      'ports',
      'runtime',
      'https',
      'controller',
      'clock',
      'ranges',
      'mqtt',
    ])
      expect(states[name], name).toBe('ok');
  });
});

describe('on the machine', () => {
  const machine = (change: Partial<Patient> = {}) => report(change, machineChecks);

  test('a folder that is none of a device, or was never enrolled', async () => {
    expect(failures(await machine()).slice(0, 2)).toEqual(['data folder NOT_FOUND', 'identity NOT_FOUND']);
    writeFileSync(join(scratch, 'letter.txt'), 'dear');
    expect(failures(await machine({ folder: scratch }))).toContain('data folder DATA_FOREIGN');
  });

  test('a damaged identity: one copy holds, two do not', async () => {
    await (await start()).enrol();
    const [a, b] = ['identity-a', 'identity-b'].map((name) => join(folder, 'identity', name)) as [
      string,
      string,
    ];
    writeFileSync(a, 'damaged');
    expect(of(await machine(), 'identity')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining(a),
    });
    writeFileSync(b, 'damaged');
    expect(of(await machine(), 'identity')).toMatchObject({ status: 'failed', code: 'DATA_CORRUPT' });
  });

  test('a medium that cannot be written', async () => {
    await (await start()).enrol();
    // A file where a folder is wanted: it has no room for others, whoever asks.
    const path = join(scratch, 'file');
    writeFileSync(path, '');
    const checks = machineChecks.filter(({ name }) => name.startsWith('disk'));
    expect(of(await report({ folder: path }, checks), 'disk speed')).toMatchObject({ status: 'failed' });
    expect(of(await report({ folder: join(scratch, 'absent') }, checks), 'disk space')).toMatchObject({
      status: 'failed',
    });
  });

  test('a port that another program holds', async () => {
    await (await start()).enrol();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    cleanups.push(() => other.close());
    const { port } = other.address() as AddressInfo;
    expect(of(await machine({ ports: [port] }), 'ports')).toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(String(port)),
    });
  });

  test('a runtime that ends the process that loads it', async () => {
    await (await start()).enrol();
    const probeModule = new URL('crash.fixture.ts', import.meta.url).href;
    expect(of(await machine({ probeModule }), 'runtime')).toMatchObject({
      code: 'RUNTIME_DIED',
      message: expect.stringContaining('SIGSEGV'),
    });
  });
});

describe('on the way to the controller', () => {
  test('a name that nobody knows', async () => {
    await (await start([nowhere])).enrol();
    const findings = await report();
    expect(of(findings, 'name')).toMatchObject({
      status: 'failed',
      message: expect.stringContaining(nowhere),
    });
    expect(of(findings, 'clock')?.status).toBe('skipped');
  });

  test('a controller that is not there, and another one in its place', async () => {
    const { controller, addresses, enrol: join } = await start();
    await join();
    await controller.stop();
    expect(of(await report(), 'https')).toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('nothing listens'),
    });
    const { adminUrl, mqttUrl, deviceUrl } = addresses;
    const ports = { adminPort: portOf(adminUrl), mqttPort: portOf(mqttUrl), devicePort: portOf(deviceUrl) };
    await start([], ports, 'other');
    expect(of(await report(), 'https')).toMatchObject({ status: 'failed', code: 'CA_MISMATCH' });
  });

  test('a device that is refused', async () => {
    const { call, enrol: join } = await start();
    await join();
    await call('DELETE', '/devices/edge-1');
    const findings = await report();
    expect(of(findings, 'controller')).toMatchObject({
      code: 'DEVICE_REVOKED',
      remedy: expect.stringContaining('covey device reset'),
    });
    expect(of(findings, 'mqtt')).toMatchObject({ status: 'failed', code: 'UNAUTHENTICATED' });
  });

  test('a clock that is off, and a certificate that has ended', async () => {
    const { clock, enrol: join } = await start();
    await join();
    clock.shiftMs = 40 * 86_400_000;
    expect(of(await report(), 'clock')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('behind the controller, 40 days'),
    });
    clock.shiftMs = 400 * 86_400_000;
    expect(of(await report(), 'controller')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('ended at'),
    });
  });

  test('something between that knows no ranges', async () => {
    await (await start()).enrol();
    const { fetch, link } = network(undefined);
    const whole: typeof fetch = ({ headers: _, ...request }) => fetch(request);
    const checks = networkChecks.map((check) =>
      check.name === 'ranges'
        ? { ...check, run: (patient: Patient) => check.run({ ...patient, network: { fetch: whole, link } }) }
        : check,
    );
    const identity = machineChecks.filter(({ name }) => name === 'identity');
    expect(of(await report({}, [...identity, ...checks]), 'ranges')).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('4096 bytes came with status 200'),
    });
  });

  test('a running agent without a session, whose place is not taken', async () => {
    await (await start()).enrol();
    expect(of(await report({ isRunning: true }), 'mqtt')).toMatchObject({
      status: 'failed',
      message: 'the running agent has no session',
    });
  });
});

describe('behind a proxy', () => {
  /** Lets ports through, or not; every name is this machine for it. */
  async function startProxy(ports: number[], status = 403): Promise<string> {
    const sockets = new Set<Socket>();
    const proxy: HttpServer = createHttpServer().listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    proxy.on('connect', ({ url = '' }, socket: Socket) => {
      const port = Number(url.split(':')[1]);
      sockets.add(socket.on('error', () => {}));
      if (!ports.includes(port)) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
      const onward = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(onward).pipe(socket);
      });
      sockets.add(onward.on('error', () => {}));
    });
    cleanups.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    });
    return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  }

  test('that lets HTTPS alone through: MQTT goes by WebSocket', async () => {
    const { addresses, enrol: join } = await start([nowhere]);
    await join();
    writeProxySetting(folder, { url: await startProxy([portOf(addresses.deviceUrl)]), bypass: [] });
    const findings = await report();
    expect(failures(findings)).toEqual([]);
    expect(of(findings, 'name')?.status).toBe('skipped');
    expect(of(findings, 'mqtt')).toMatchObject({
      status: 'warning',
      message: expect.stringMatching(
        /does not let .* through \(status 403\); MQTT over WebSocket works \(wss:/,
      ),
    });
  });

  test('that lets nothing through, wants a password, or is not there', async () => {
    await (await start([nowhere])).enrol();
    writeProxySetting(folder, { url: await startProxy([]), bypass: [] });
    expect(of(await report(), 'https')).toMatchObject({ code: 'PROXY_REFUSED' });
    writeProxySetting(folder, { url: await startProxy([], 407), bypass: [] });
    expect(of(await report(), 'https')).toMatchObject({
      message: expect.stringContaining('wants a user name'),
    });
    const [port] = await freePorts(1);
    writeProxySetting(folder, { url: `http://127.0.0.1:${port}`, bypass: [] });
    const findings = await report();
    expect(of(findings, 'proxy')).toMatchObject({ status: 'failed', code: 'PROXY_UNREACHABLE' });
  });

  test('whose credentials file is gone', async () => {
    await (await start([nowhere])).enrol();
    const credentialsFile = join(scratch, 'secret');
    writeFileSync(credentialsFile, 'a:b\n');
    writeProxySetting(folder, { url: await startProxy([]), credentialsFile, bypass: [] });
    rmSync(credentialsFile);
    expect(of(await report(), 'proxy')).toMatchObject({
      status: 'failed',
      message: expect.stringContaining(credentialsFile),
    });
  });
});
