import {
  type LogLevel,
  mqttLink,
  nodeFetch,
  nodeProcesses,
  type Ports,
  streamLog,
  systemClock,
  systemDisk,
  systemHost,
  systemRandom,
} from '@covey/ports';

/** The real world, logging to standard error. */
export function systemPorts(level: LogLevel): Ports {
  return {
    clock: systemClock,
    random: systemRandom,
    disk: systemDisk,
    link: mqttLink,
    fetch: nodeFetch,
    processes: nodeProcesses,
    host: systemHost(),
    log: streamLog(process.stderr, systemClock, level),
  };
}
