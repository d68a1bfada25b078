import type { ErrorDocument, Tensor } from '@covey/protocol';
import type { Step } from './step.ts';

/** To a thread that does steps, one at a time. */
export interface StepJob {
  step: Step;
  inputs: (Tensor | undefined)[];
}

export type StepAnswer = { outputs: Tensor[]; error?: undefined } | { error: ErrorDocument };
