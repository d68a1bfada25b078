import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { enrol } from '@covey/agent';
import { type Client, createClient, ensureTrust, findConnection } from '@covey/cli';
import { systemDisk } from '@covey/ports';
import { nodeFetch } from '@covey/ports/network';
import { DeviceView, type RolloutRequest, RolloutView, TokenAnswer } from '@covey/protocol/api';
import { type RunningService, startService, temporaryFolder, until } from './harness.ts';

export interface StandingDevice {
  id: string;
  folder: string;
  inferenceUrl: string;
  service: RunningService<{ inferenceUrl: string }>;
  /** As the controller knows it. */
  view(): Promise<DeviceView>;
  /** Ends the agent, if it still runs, and starts it again on the same port. */
  restart(signal?: NodeJS.Signals): Promise<void>;
}

/** A rollout's plan, as far as it is not the usual one. */
export interface RollOptions {
  selector?: string;
  waves?: RolloutRequest['waves'];
  soak?: Partial<RolloutRequest['soak']>;
  delivery?: Partial<RolloutRequest['delivery']>;
}

/** A controller and devices as processes of their own that come back at the same addresses after a kill. */
export interface StandingFleet {
  data: string;
  client: Client;
  controller: RunningService<{ url: string }>;
  devices: StandingDevice[];
  /** Starts the controller, which must have ended, again. */
  restartController(): Promise<void>;
  /** Starts a rollout over the API; unless told otherwise device by device, 20 samples, at most 20 s. */
  roll(version: string, options?: RollOptions): Promise<RolloutView>;
  rollout(id: string): Promise<RolloutView>;
  /** The rollout once it has ended or paused. */
  settled(id: string): Promise<RolloutView>;
  /** The first version on every device, without requests to prove it by. */
  install(version: string): Promise<void>;
  /** Ends everything and removes the data. `beforeRemoval` is called in between. */
  stop(beforeRemoval?: () => void): Promise<void>;
}

export async function startStandingFleet(
  deviceCount: number,
  data = temporaryFolder(),
  agentOptions: string[] = [],
): Promise<StandingFleet> {
  const ports = await freePorts(3 + deviceCount);
  const startController = () => startService<{ url: string }>(controllerArgs(data, ports));
  const fleet: StandingFleet = {
    data,
    controller: await startController(),
    client: createClient(findConnection({ data })),
    devices: [],
    restartController: async () => {
      fleet.controller = await startController();
    },
    roll: (version, { selector, waves, soak, delivery } = {}) =>
      fleet.client.call({
        method: 'POST',
        path: '/rollouts',
        body: {
          model: 'scaling',
          version,
          selector,
          waves,
          soak: { minSamples: 20, maxDurationMs: 20_000, ...soak },
          delivery,
        },
        answer: RolloutView,
      }),
    rollout: (id) => fleet.client.call({ method: 'GET', path: `/rollouts/${id}`, answer: RolloutView }),
    settled: (id) => settledRollout(fleet, id),
    install: async (version) => {
      const waves = [{ percent: 100 }];
      const { id } = await fleet.roll(version, { waves, soak: { minSamples: 1, maxDurationMs: 1 } });
      const { state, reason } = await fleet.settled(id);
      if (state !== 'succeeded') throw new Error(`${version} was not installed: ${reason}`);
    },
    stop: async (beforeRemoval) => {
      // A stopped process takes no SIGTERM.
      fleet.controller.child.kill('SIGCONT');
      await Promise.all(fleet.devices.map(({ service }) => service.kill('SIGTERM')));
      await fleet.controller.kill('SIGTERM');
      beforeRemoval?.();
      rmSync(data, { recursive: true, force: true });
    },
  };
  await ensureTrust(fleet.client, data);
  for (let index = 0; index < deviceCount; index++) {
    fleet.devices.push(await startDevice(fleet, `edge-${index + 1}`, ports[3 + index] ?? 0, agentOptions));
  }
  return fleet;
}

function settledRollout(fleet: StandingFleet, id: string): Promise<RolloutView> {
  return until(
    `the end of rollout ${id}`,
    async () => {
      const rollout = await fleet.rollout(id);
      return ['succeeded', 'reverted', 'paused'].includes(rollout.state) ? rollout : undefined;
    },
    // A device that missed its controller six times in a row stays away for up to a minute more.
    100_000,
  );
}

/** A token that enrols one device, within the hour. */
export function createToken(client: Client): Promise<TokenAnswer> {
  const body = { tags: {}, maxUses: 1, expiresInMs: 3_600_000 };
  return client.call({ method: 'POST', path: '/tokens', body, answer: TokenAnswer });
}

/** What `covey token create` and `covey enroll` do, here without two processes more. */
export async function enrolDevice(
  { client, data }: { client: Client; data: string },
  id: string,
): Promise<string> {
  const folder = join(data, 'devices', id);
  const { token } = await createToken(client);
  await enrol({ disk: systemDisk, fetch: nodeFetch }, { token, folder, deviceId: id, tags: {} });
  return folder;
}

async function startDevice(
  fleet: StandingFleet,
  id: string,
  port: number,
  options: string[],
): Promise<StandingDevice> {
  const folder = await enrolDevice(fleet, id);
  const start = () => startService<{ inferenceUrl: string }>([...agentArgs(folder, port), ...options]);
  const service = await start();
  const device: StandingDevice = {
    id,
    folder,
    inferenceUrl: service.ready.inferenceUrl,
    service,
    view: () => fleet.client.call({ method: 'GET', path: `/devices/${id}`, answer: DeviceView }),
    restart: async (signal = 'SIGKILL') => {
      await device.service.kill(signal);
      device.service = await start();
    },
  };
  return device;
}

export function controllerArgs(data: string, [admin, mqtt, device]: number[]): string[] {
  const ports = ['--port', admin, '--mqtt-port', mqtt, '--device-port', device].map(String);
  return ['controller', '--data', data, ...ports];
}

export function agentArgs(folder: string, port: number): string[] {
  const intervals = ['--metrics', '1s', '--summaries', '1s', '--flush', '200ms'];
  // The port after one that is free, where gRPC would be, may be anybody's.
  return ['agent', '--data', folder, '--port', String(port), '--grpc-port', 'off', ...intervals];
}

/** Ports that nothing listens on now; held together, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Resolves when the ledger in `folder` says one of `states`; looks every millisecond, because some last no longer than a few. */
export async function ledgerReaches(folder: string, ...states: string[]): Promise<void> {
  const deadline = performance.now() + 100_000;
  while (!states.includes(ledgerState(folder) ?? '')) {
    if (performance.now() > deadline)
      throw new Error(`the update of ${folder} never reached ${states.join()}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Processes that `pid` started and whose command line names `module`. */
export function childrenOf(pid: number | undefined, module: string): number[] {
  if (pid === undefined) return [];
  // Of every thread: a child belongs to the thread that started it.
  const threads = readdirSync(`/proc/${pid}/task`);
  const children = threads.flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim().split(' ').filter(Boolean),
  );
  return children.map(Number).filter((child) => commandLine(child).includes(module));
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It has ended since it was listed.
    return '';
  }
}

/** What the newest undamaged slot of a device's ledger says of its update. */
export function ledgerState(folder: string): string | undefined {
  const documents = ['ledger-a', 'ledger-b'].flatMap((slot) => {
    try {
      const text = readFileSync(join(folder, 'state', slot), 'utf8');
      return [JSON.parse(text.slice(65)) as { generation: number; document: { update: { state: string } } }];
    } catch {
      // Not written yet.
      return [];
    }
  });
  return documents.sort((a, b) => b.generation - a.generation)[0]?.document.update.state;
}
