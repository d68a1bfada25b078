export { birthOf, reportOf } from './report.ts';
export { withSystem } from './system.ts';
