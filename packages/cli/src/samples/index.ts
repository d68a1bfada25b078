export { openSamples } from './open.ts';
export type { SampleOptions } from './options.ts';
export { type Sample, type SampleSet, split } from './sample-set.ts';
