export { type EnrolOptions, enrol } from './enrol.ts';
