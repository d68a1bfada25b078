export type * from './ports.ts';
export { systemClock } from './real/clock.ts';
export { streamLog } from './real/log.ts';
export { webFetch } from './real/web-fetch.ts';
