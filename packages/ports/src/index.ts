export type * from './ports.ts';
export { systemClock } from './real/clock.ts';
export { systemDisk } from './real/disk.ts';
export { systemHost } from './real/host.ts';
export { streamLog } from './real/log.ts';
export { noFolder } from './real/no-folder.ts';
export { nodeProcesses } from './real/processes.ts';
export { systemRandom } from './real/random.ts';
