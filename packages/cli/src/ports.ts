import {
  type LogLevel,
  nodeProcesses,
  type Ports,
  streamLog,
  systemClock,
  systemDisk,
  systemHost,
  systemRandom,
} from '@covey/ports';
import { networkOf } from './network/proxy.ts';

/** The real world, logging to standard error; the network as the data folder of a device, or else the environment, has it. */
export function systemPorts(level: LogLevel, deviceFolder?: string): Ports {
  return {
    clock: systemClock,
    random: systemRandom,
    disk: systemDisk,
    ...networkOf(deviceFolder),
    processes: nodeProcesses,
    host: systemHost(),
    log: streamLog(process.stderr, systemClock, level),
  };
}
