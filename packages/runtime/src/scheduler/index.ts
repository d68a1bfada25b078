export type { Runner } from './pool.ts';
export type { CancelSignal, RunOptions, RunResult, Timings } from './run.ts';
export { createScheduler, type Scheduler, type SchedulerState } from './scheduler.ts';
export { createTurnstile, type Turnstile } from './turnstile.ts';
