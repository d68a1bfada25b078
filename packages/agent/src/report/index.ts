export { birthOf, deviceHost, reportOf, unloadedReason } from './report.ts';
export { withSystem } from './system.ts';
