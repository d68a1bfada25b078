export { createMeasurements, type Measurements } from './measurements.ts';
export { median } from './median.ts';
