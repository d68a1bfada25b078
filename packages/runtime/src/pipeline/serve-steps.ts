import { CoveyError, toCoveyError } from '@covey/protocol';
import type { ThreadPort } from '../platform/index.ts';
import type { Decoding } from '../preprocess/index.ts';
import type { StepAnswer, StepJob } from './messages.ts';
import { preprocess } from './preprocess.ts';
import { runStep } from './step.ts';

/** The thread's side: does one step at a time, in the order in which they come. */
export function serveSteps(port: ThreadPort, decoding: Decoding): void {
  port.listen(async (message) => {
    try {
      port.post({ outputs: await outputsOf(message as StepJob, decoding) } satisfies StepAnswer);
    } catch (error) {
      port.post({ error: toCoveyError(error, 'INFERENCE_FAILED').toJSON() } satisfies StepAnswer);
    }
  });
}

async function outputsOf({ step, inputs }: StepJob, decoding: Decoding) {
  const [files] = inputs;
  if (step.kind !== 'preprocess') return runStep(step, inputs);
  if (files === undefined) throw new CoveyError('INTERNAL', 'a step was given nothing');
  return [await preprocess(step, files, decoding)];
}
