export { execute, type StepContext } from './execute.ts';
export { limitMs as probeLimitMs, runProbe } from './probe.ts';
