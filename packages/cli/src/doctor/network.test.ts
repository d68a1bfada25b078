import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { network } from '@covey/ports/network';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeProxySetting } from '../network/proxy.ts';
import type { Patient } from './check.ts';
import { type Clinic, failures, freePorts, nowhere, of, openClinic, portOf } from './doctor.fixture.ts';
import { machineChecks } from './machine.ts';
import { networkChecks } from './network.ts';

let clinic: Clinic;
beforeEach(() => {
  clinic = openClinic();
});
afterEach(() => clinic.close());

describe('on the way to the controller', () => {
  test('a name that nobody knows', async () => {
    await (await clinic.start([nowhere])).enrol();
    const findings = await clinic.report();
    expect(of(findings, 'name')).toMatchObject({
      status: 'failed',
      message: expect.stringContaining(nowhere),
    });
    expect(of(findings, 'clock')?.status).toBe('skipped');
  });

  test('a controller that is not there, and another one in its place', async () => {
    const { controller, addresses, enrol: join } = await clinic.start();
    await join();
    await controller.stop();
    expect(of(await clinic.report(), 'https')).toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('nothing listens'),
    });
    const { adminUrl, mqttUrl, deviceUrl } = addresses;
    const ports = { adminPort: portOf(adminUrl), mqttPort: portOf(mqttUrl), devicePort: portOf(deviceUrl) };
    await clinic.start([], ports, 'other');
    expect(of(await clinic.report(), 'https')).toMatchObject({ status: 'failed', code: 'CA_MISMATCH' });
  });

  test('a device that is refused', async () => {
    const { call, enrol: join } = await clinic.start();
    await join();
    await call('DELETE', '/devices/edge-1');
    const findings = await clinic.report();
    expect(of(findings, 'controller')).toMatchObject({
      code: 'DEVICE_REVOKED',
      remedy: expect.stringContaining('covey device reset'),
    });
    expect(of(findings, 'mqtt')).toMatchObject({ status: 'failed', code: 'UNAUTHENTICATED' });
  });

  test('a clock that is off, and a certificate that has ended', async () => {
    const { clock, enrol: join } = await clinic.start();
    await join();
    clock.shiftMs = 40 * 86_400_000;
    expect(of(await clinic.report(), 'clock')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('behind the controller, 40 days'),
    });
    clock.shiftMs = 400 * 86_400_000;
    expect(of(await clinic.report(), 'controller')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('ended at'),
    });
  });

  test('something between that knows no ranges', async () => {
    await (await clinic.start()).enrol();
    const { fetch, link } = network(undefined);
    const whole: typeof fetch = ({ headers: _, ...request }) => fetch(request);
    const checks = networkChecks.map((check) =>
      check.name === 'ranges'
        ? { ...check, run: (patient: Patient) => check.run({ ...patient, network: { fetch: whole, link } }) }
        : check,
    );
    const identity = machineChecks.filter(({ name }) => name === 'identity');
    expect(of(await clinic.report({}, [...identity, ...checks]), 'ranges')).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('4096 bytes came with status 200'),
    });
  });

  test('a running agent without a session, whose place is not taken', async () => {
    await (await clinic.start()).enrol();
    expect(of(await clinic.report({ isRunning: true }), 'mqtt')).toMatchObject({
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
    clinic.cleanups.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    });
    return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  }

  test('that lets HTTPS alone through: MQTT goes by WebSocket', async () => {
    const { addresses, enrol: join } = await clinic.start([nowhere]);
    await join();
    writeProxySetting(clinic.folder, { url: await startProxy([portOf(addresses.deviceUrl)]), bypass: [] });
    const findings = await clinic.report();
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
    await (await clinic.start([nowhere])).enrol();
    writeProxySetting(clinic.folder, { url: await startProxy([]), bypass: [] });
    expect(of(await clinic.report(), 'https')).toMatchObject({ code: 'PROXY_REFUSED' });
    writeProxySetting(clinic.folder, { url: await startProxy([], 407), bypass: [] });
    expect(of(await clinic.report(), 'https')).toMatchObject({
      message: expect.stringContaining('wants a user name'),
    });
    const [port] = await freePorts(1);
    writeProxySetting(clinic.folder, { url: `http://127.0.0.1:${port}`, bypass: [] });
    const findings = await clinic.report();
    expect(of(findings, 'proxy')).toMatchObject({ status: 'failed', code: 'PROXY_UNREACHABLE' });
  });

  test('whose credentials file is gone', async () => {
    await (await clinic.start([nowhere])).enrol();
    const credentialsFile = join(clinic.scratch, 'secret');
    writeFileSync(credentialsFile, 'a:b\n');
    writeProxySetting(clinic.folder, { url: await startProxy([]), credentialsFile, bypass: [] });
    rmSync(credentialsFile);
    expect(of(await clinic.report(), 'proxy')).toMatchObject({
      status: 'failed',
      message: expect.stringContaining(credentialsFile),
    });
  });
});
