import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enrol } from '@covey/agent';
import { type Addresses, type Controller, createController } from '@covey/controller';
import { type Clock, streamLog, systemClock, systemDisk, systemRandom } from '@covey/ports';
import { nodeFetch } from '@covey/ports/network';
import { TokenAnswer } from '@covey/protocol/api';
import { createClient } from '../client/client.ts';
import { ensureTrust } from '../publish/trust.ts';
import { type Check, examine, type Patient, type Report } from './check.ts';
import { machineChecks } from './machine.ts';
import { networkChecks } from './network.ts';

/** Nobody here can resolve it. */
export const nowhere = 'covey.invalid';

/** A scratch folder with a device's data folder in it, and what is to be undone. */
export interface Clinic {
  scratch: string;
  folder: string;
  cleanups: (() => unknown)[];
  start(names?: string[], ports?: ListenPorts, data?: string): Promise<Started>;
  report(change?: Partial<Patient>, checks?: readonly Check[]): Promise<Report>;
  close(): Promise<void>;
}

type ListenPorts = { adminPort: number; mqttPort: number; devicePort: number };

export function openClinic(): Clinic {
  const scratch = mkdtempSync(join(tmpdir(), 'covey-doctor-'));
  const clinic: Clinic = {
    scratch,
    folder: join(scratch, 'device'),
    cleanups: [],
    start: (names = [], ports = { adminPort: 0, mqttPort: 0, devicePort: 0 }, data = 'data') =>
      start(clinic, names, ports, data),
    report: (change = {}, checks = networkChecks) => report(clinic, change, checks),
    close: async () => {
      for (const cleanup of clinic.cleanups.splice(0).reverse()) await cleanup();
      rmSync(scratch, { recursive: true });
    },
  };
  return clinic;
}

export interface Started {
  addresses: Addresses;
  clock: Clock & { shiftMs: number };
  controller: Controller;
  call(method: 'POST' | 'DELETE', path: string): Promise<unknown>;
  enrol(): Promise<void>;
}

async function start(
  { scratch, folder, cleanups }: Clinic,
  names: string[],
  ports: ListenPorts,
  data: string,
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

export const portOf = (url: string) => Number(new URL(url).port);

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function report(
  { folder }: Clinic,
  change: Partial<Patient>,
  checks: readonly Check[],
): Promise<Report> {
  const probeModule = import.meta.resolve('@covey/runtime/probe');
  const patient: Patient = { folder, ports: await freePorts(2), probeModule, isRunning: false, ...change };
  const identity = machineChecks.filter(({ name }) => name === 'identity');
  return examine(patient, checks === networkChecks ? [...identity, ...checks] : checks, () => {});
}
export const of = (findings: Report, name: string) => findings.find((finding) => finding.name === name);
export const failures = (findings: Report) =>
  findings.filter(({ status }) => status === 'failed').map(({ name, code }) => `${name} ${code}`);
