export { createScheduler, type Task } from './scheduler.ts';
