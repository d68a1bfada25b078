export type { RunOptions, RunResult, Timings } from './run.ts';
