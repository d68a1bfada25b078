export type { Ranges } from '../quantize/index.ts';
export { type Calibration, type CalibrationOptions, calibrate } from './calibrate.ts';
export type { Sample } from './observed.ts';
