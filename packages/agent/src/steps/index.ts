export { execute, type StepContext } from './execute.ts';
export { readMeasured } from './measured.ts';
export { limitMs as probeLimitMs, runProbe } from './probe.ts';
export { FoundProviders } from './providers.ts';
