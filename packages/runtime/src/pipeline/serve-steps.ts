import type { MessagePort } from 'node:worker_threads';
import { toCoveyError } from '@covey/protocol';
import type { StepAnswer, StepJob } from './messages.ts';
import { runStep } from './step.ts';

/** The thread's side: does one step at a time, in the order in which they come. */
export function serveSteps(port: MessagePort): void {
  port.on('message', async ({ step, inputs }: StepJob) => {
    try {
      port.postMessage({ outputs: await runStep(step, inputs) } satisfies StepAnswer);
    } catch (error) {
      port.postMessage({ error: toCoveyError(error, 'INFERENCE_FAILED').toJSON() } satisfies StepAnswer);
    }
  });
}
