export { failureReasons } from './failure.ts';
export { createMeasurements, type Measurements } from './measurements.ts';
export { median } from './median.ts';
export { createProcessMeter, type ProcessFigures, type ProcessMeter } from './process-figures.ts';
export { createSlowLog, type SlowLog } from './slow-log.ts';
export { createStatistics, type ModelStatistics, type Statistics } from './statistics.ts';
export type { Duration } from './tally.ts';
