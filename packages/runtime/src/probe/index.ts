export { compareWithGolden, readGolden, type Vector } from './golden.ts';
export { type Laboratory, probe } from './probe.ts';
export type { Check, OpenTrial, Trial, TrialSpec } from './trial.ts';
