import { parentPort } from 'node:worker_threads';
import { CoveyError, toCoveyError } from '@covey/protocol';
import { makeTransfer, type TransferJob } from './make.ts';
import type { MakerAnswer } from './maker.ts';

/** Entry of the thread that makes transfers: answers one job after the other. */
function serve(): void {
  const port = parentPort;
  if (!port) throw new CoveyError('INTERNAL', 'this module is the entry of a worker thread');
  port.on('message', (job: TransferJob) => {
    let answer: MakerAnswer;
    try {
      answer = { transfer: makeTransfer(job) };
    } catch (error) {
      answer = { error: toCoveyError(error).toJSON() };
    }
    port.postMessage(answer);
  });
}

serve();
