import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { enrol } from '@covey/agent';
import type { Signer } from '@covey/bundle/tuf';
import { systemDisk } from '@covey/ports';
import { nodeFetch } from '@covey/ports/network';
import { TokenAnswer } from '@covey/protocol/api';
import { type Client, createClient } from '../client/client.ts';
import { findConnection } from '../client/connection.ts';
import type { AgentReady } from '../commands/agent.ts';
import type { ControllerReady } from '../commands/controller.ts';
import { ensureTrust } from '../publish/trust.ts';
import { controllerPorts, type FleetPorts, identityIn, knownAddresses } from './addresses.ts';
import { type RunningService, Service } from './services.ts';

export interface FleetDevice {
  id: string;
  index: number;
  service: Service<AgentReady>;
  inferenceUrl: string | undefined;
  grpcUrl: string | undefined;
}

export interface Fleet {
  url: string;
  controller: Service<ControllerReady>;
  client: Client;
  /** Signs versions. */
  publisher: Signer;
  devices: FleetDevice[];
  stop(): Promise<void>;
}

export interface FleetOptions {
  data: string;
  deviceCount: number;
  ports: FleetPorts;
  tell(event: Record<string, unknown> & { event: string }, text: string): void;
}

/** How often devices report here; a fleet in the field reports more seldom. */
const intervals = ['--metrics', '2s', '--summaries', '5s', '--flush', '1s'];

/** Starts a controller, then its devices, each a process of its own; new ones are enrolled by token. */
export async function startFleet(
  options: FleetOptions,
  onService: (service: RunningService) => void,
): Promise<Fleet> {
  const { data, tell } = options;
  const controller = await controllerService(options);
  onService(controller);
  const { url } = await controller.start();
  tell({ event: 'controller', url }, `controller at ${url}, API at ${url}/docs`);
  const client = createClient(findConnection({ data }));
  const publisher = await ensureTrust(client, data);
  const devices: FleetDevice[] = [];
  for (let index = 0; index < options.deviceCount; index++) {
    const device = agentService(options, index);
    onService(device.service);
    if (!(await identityIn(deviceFolder(data, device.id)))) await enrolDevice(client, data, device);
    devices.push(device);
  }
  await Promise.all(devices.map((device) => device.service.start()));
  tell(
    {
      event: 'agents',
      devices: devices.map(({ id, inferenceUrl, grpcUrl }) => ({ id, inferenceUrl, grpcUrl })),
    },
    `${devices.length} devices are up, inference from ${devices[0]?.inferenceUrl ?? '-'}`,
  );
  const stop = async () => {
    await Promise.all(devices.map(({ service }) => service.stop()));
    await controller.stop();
  };
  return { url, controller, client, publisher, devices, stop };
}

async function controllerService({ data, ports, tell }: FleetOptions): Promise<Service<ControllerReady>> {
  let known = await knownAddresses(data, deviceFolder(data, deviceId(0)));
  const args = () => {
    const { admin, mqtt, device } = controllerPorts(known, ports);
    const listen = ['--port', admin, '--mqtt-port', mqtt, '--device-port', device];
    return ['controller', '--data', data, ...listen.map(String)];
  };
  return new Service<ControllerReady>({
    name: 'controller',
    args,
    log: logFile(data, 'controller'),
    onReady: (ready) => {
      known = ready;
    },
    onDeath: (how) =>
      tell(
        { event: 'death', service: 'controller', how },
        `the controller ended (${how}); devices serve on, it is started again`,
      ),
  });
}

function agentService({ data, ports, tell }: FleetOptions, index: number): FleetDevice {
  const id = deviceId(index);
  const device: FleetDevice = {
    id,
    index,
    inferenceUrl: undefined,
    grpcUrl: undefined,
    service: new Service<AgentReady>({
      name: id,
      args: () => [
        'agent',
        '--data',
        deviceFolder(data, id),
        '--port',
        String(ports.inference(index)),
        ...intervals,
      ],
      log: logFile(data, id),
      onReady: ({ inferenceUrl, grpcUrl }) => {
        device.inferenceUrl = inferenceUrl;
        device.grpcUrl = grpcUrl;
      },
      onDeath: (how) =>
        tell({ event: 'death', service: id, how }, `the agent of ${id} ended (${how}); it is started again`),
    }),
  };
  return device;
}

function deviceId(index: number): string {
  return `edge-${index + 1}`;
}

function deviceFolder(data: string, id: string): string {
  return join(data, 'devices', id);
}

async function enrolDevice(client: Client, data: string, device: FleetDevice): Promise<void> {
  const tags = { site: 'demo', line: String(device.index + 1) };
  const { token } = await client.call({
    method: 'POST',
    path: '/tokens',
    body: { tags },
    answer: TokenAnswer,
  });
  await enrol(
    { disk: systemDisk, fetch: nodeFetch },
    { token, folder: deviceFolder(data, device.id), deviceId: device.id, tags: {} },
  );
}

function logFile(data: string, name: string): number {
  const folder = join(data, 'logs');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return openSync(join(folder, `${name}.log`), 'a', 0o600);
}
