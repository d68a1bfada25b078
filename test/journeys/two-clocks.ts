import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Agent, createAgent, type EnrolOptions, enrol } from '@covey/agent';
import { type Client, createClient, ensureTrust } from '@covey/cli';
import { type Addresses, type ControllerOptions, createController } from '@covey/controller';
import {
  type Clock,
  nodeProcesses,
  type Ports,
  streamLog,
  systemClock,
  systemDisk,
  systemHost,
  systemRandom,
} from '@covey/ports';
import { mqttLink, type Network, nodeFetch } from '@covey/ports/network';
import { DeviceView } from '@covey/protocol/api';
import { runtimeProgram, temporaryFolder, until } from './harness.ts';
import { createToken } from './standing-fleet.ts';

/** The real clock, shifted. */
export interface ShiftedClock extends Clock {
  shiftMs: number;
}

export function shiftedClock(shiftMs = 0): ShiftedClock {
  const clock: ShiftedClock = { ...systemClock, shiftMs, now: () => systemClock.now() + clock.shiftMs };
  return clock;
}

interface EnrolHereOptions extends Partial<Pick<EnrolOptions, 'folder' | 'replace' | 'credentials'>> {
  network?: Network;
}

/** A controller in this process, over real sockets, with a clock of its own. */
export interface ClockedController {
  clock: ShiftedClock;
  addresses: Addresses;
  client: Client;
  log: string[];
  data: string;
  /** Ends it and starts it again, at the same addresses. */
  restart(): Promise<void>;
  view(device: string): Promise<DeviceView>;
  enrol(device: string, options?: EnrolHereOptions): Promise<string>;
  stop(): Promise<void>;
}

type ClockedOptions = Partial<
  Pick<ControllerOptions, 'names' | 'listen' | 'clonePolicy' | 'deviceAuthority'>
> & {
  shiftMs?: number;
};

export async function startClockedController(options: ClockedOptions = {}): Promise<ClockedController> {
  const data = temporaryFolder();
  const clock = shiftedClock();
  const log: string[] = [];
  let running = await run(data, clock, log, options);
  // The publisher's clock is this machine's, so the root of trust is made by it.
  await ensureTrust(running.client, data);
  clock.shiftMs = options.shiftMs ?? 0;
  const restart = async () => {
    await running.controller.stop();
    const { mqttUrl, deviceUrl, adminUrl } = running.addresses;
    const [mqttPort, devicePort, adminPort] = [mqttUrl, deviceUrl, adminUrl].map((url) =>
      Number(new URL(url).port),
    );
    const listen = { host: '127.0.0.1', mqttPort, devicePort, adminPort } as ControllerOptions['listen'];
    running = await run(data, clock, log, { ...options, listen });
  };
  if (clock.shiftMs !== 0) await restart();
  const { addresses, client } = running;
  return {
    clock,
    addresses,
    client,
    log,
    data,
    restart,
    view: (device) => client.call({ method: 'GET', path: `/devices/${device}`, answer: DeviceView }),
    enrol: async (device, { folder = join(data, 'devices', device), network, ...options } = {}) => {
      mkdirSync(folder, { recursive: true });
      const { token } = await createToken(client);
      const ports = { disk: systemDisk, fetch: network?.fetch ?? nodeFetch };
      await enrol(ports, { token, folder, deviceId: device, tags: {}, ...options });
      return folder;
    },
    stop: async () => {
      await running.controller.stop();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function run(
  data: string,
  clock: Clock,
  log: string[],
  options: Partial<Pick<ControllerOptions, 'names' | 'listen' | 'clonePolicy' | 'deviceAuthority'>>,
) {
  const folder = join(data, 'controller');
  const controller = createController({
    ports: {
      clock,
      random: systemRandom,
      disk: systemDisk,
      log: streamLog({ write: (line) => log.push(line) }, clock, 'warn'),
    },
    folder,
    listen: options.listen ?? { host: '127.0.0.1', adminPort: 0, mqttPort: 0, devicePort: 0 },
    names: options.names ?? [],
    clonePolicy: options.clonePolicy ?? 'report',
    ...(options.deviceAuthority && { deviceAuthority: options.deviceAuthority }),
    version: '0.1.0',
  });
  const addresses = await controller.start();
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  // From this machine, whatever names devices know it by.
  const url = `https://localhost:${new URL(addresses.adminUrl).port}`;
  const client = createClient({ url, token: read('admin.token').trim(), ca: read('ca/ca.pem') });
  return { controller, addresses, client };
}

/** A real agent in this process. Every jitter is a fiftieth: no long waits, but copies of one device do not take turns as fast as a processor can. */
export async function startAgentHere(
  folder: string,
  { clock = systemClock, network }: { clock?: Clock; network?: Network } = {},
): Promise<{ agent: Agent; log: string[] }> {
  const log: string[] = [];
  const ports: Ports = {
    clock,
    random: { ...systemRandom, fraction: () => 0.02 },
    disk: systemDisk,
    link: network?.link ?? mqttLink,
    fetch: network?.fetch ?? nodeFetch,
    processes: nodeProcesses,
    host: systemHost(),
    log: streamLog({ write: (line) => log.push(line) }, clock, 'info'),
  };
  const agent = createAgent(ports, {
    folder,
    agentVersion: '0.1.0',
    runtimeModule: runtimeProgram('process'),
    probeModule: runtimeProgram('probe'),
    inference: { host: '127.0.0.1', port: 0 },
    warmSpare: false,
    intervals: { metricsMs: 1_000, summaryMs: 1_000, telemetryFlushMs: 200 },
  });
  await agent.start();
  return { agent, log };
}

/** Resolves when the agent's session is up. */
export function linked(agent: Agent): Promise<true> {
  return until('the link', async () => (agent.status()?.link === 'online' ? true : undefined));
}
