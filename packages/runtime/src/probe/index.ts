export { compareWithGolden } from './golden.ts';
export { probe } from './probe.ts';
export { runtimeName } from './runtime-name.ts';
export { type TrialRequest, trialServer } from './trial.ts';
