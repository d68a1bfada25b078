import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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

/**
 * Where the controller is to listen: at `ports`, but for those that are 0 where devices know it already. They were told at
 * enrolment and would not find it anywhere else.
 */
export function controllerPorts(data: string, deviceFolder: string, ports: ControllerPorts): ControllerPorts {
  const devicePath = join(deviceFolder, 'identity', 'device.json');
  const connectionPath = connectionFilePath(data);
  if (!existsSync(devicePath) || !existsSync(connectionPath)) return ports;
  const { mqttUrl, deviceUrl } = JSON.parse(readFileSync(devicePath, 'utf8')) as Record<string, string>;
  const { url } = JSON.parse(readFileSync(connectionPath, 'utf8')) as Record<string, string>;
  const known = (address = '') => (URL.canParse(address) ? Number(new URL(address).port) : 0);
  return {
    admin: ports.admin || known(url),
    mqtt: ports.mqtt || known(mqttUrl),
    device: ports.device || known(deviceUrl),
  };
}
