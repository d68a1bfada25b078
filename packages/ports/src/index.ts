export type * from './ports.ts';
export { systemClock } from './real/clock.ts';
export { systemDisk } from './real/disk.ts';
export { nodeFetch } from './real/fetch.ts';
export { systemHost } from './real/host.ts';
export { mqttLink } from './real/link.ts';
export { streamLog } from './real/log.ts';
export { nodeProcesses } from './real/processes.ts';
export { systemRandom } from './real/random.ts';
