import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Identity, openDeviceFolder, openIdentity } from '@covey/agent';
import { systemDisk } from '@covey/ports';
import { connectionFilePath } from '../client/connection.ts';

/** Ports of a fleet on one machine. 0: any that is free. */
export interface FleetPorts {
  admin: number;
  mqtt: number;
  device: number;
  inference(deviceIndex: number): number;
}

/** The standard ports, or a block that begins at `first`. */
export function fleetPorts(first: number | undefined): FleetPorts {
  if (first === undefined)
    return { admin: 8080, mqtt: 8883, device: 8443, inference: (index) => 8000 + 10 * index };
  if (first === 0) return { admin: 0, mqtt: 0, device: 0, inference: () => 0 };
  return { admin: first, mqtt: first + 1, device: first + 2, inference: (index) => first + 10 * (index + 1) };
}

type ControllerPorts = Pick<FleetPorts, 'admin' | 'mqtt' | 'device'>;

/** Addresses of a controller that somebody knows already. */
export interface KnownAddresses {
  url?: string;
  mqttUrl?: string;
  deviceUrl?: string;
}

/** What commands and the first device were told of a controller that ran here before. */
export async function knownAddresses(data: string, deviceFolder: string): Promise<KnownAddresses> {
  const connectionPath = connectionFilePath(data);
  const device = await identityIn(deviceFolder);
  if (!existsSync(connectionPath) || !device) return {};
  const { url } = JSON.parse(readFileSync(connectionPath, 'utf8')) as { url: string };
  return { url, mqttUrl: device.mqttUrl, deviceUrl: device.deviceUrl };
}

/** Undefined: no device was enrolled in the folder. */
export async function identityIn(deviceFolder: string): Promise<Identity | undefined> {
  if (!existsSync(join(deviceFolder, 'covey.json'))) return undefined;
  const store = await openIdentity(systemDisk, await openDeviceFolder(systemDisk, deviceFolder));
  return store?.identity;
}

/**
 * Where the controller is to listen: at `ports`, but for those that are 0 where devices know it already. They were told at
 * enrolment and would not find it anywhere else.
 */
export function controllerPorts(
  { url, mqttUrl, deviceUrl }: KnownAddresses,
  ports: ControllerPorts,
): ControllerPorts {
  const known = (address = '') => (URL.canParse(address) ? Number(new URL(address).port) : 0);
  return {
    admin: ports.admin || known(url),
    mqtt: ports.mqtt || known(mqttUrl),
    device: ports.device || known(deviceUrl),
  };
}
