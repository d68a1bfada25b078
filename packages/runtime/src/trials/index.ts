export { nodeLaboratory } from './laboratory.ts';
export { runtimeName } from './runtime-name.ts';
export { type TrialRequest, trialServer } from './trial.ts';
