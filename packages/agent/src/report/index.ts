export { birthOf, deviceHost, reportOf } from './report.ts';
export { withSystem } from './system.ts';
