import { parentPort, workerData } from 'node:worker_threads';
import { CoveyError } from '@covey/protocol';
import { makeTransfer, type TransferJob } from './make.ts';

/** Entry of a thread that makes one transfer, says it, and ends. */
function serve(): void {
  if (!parentPort) throw new CoveyError('INTERNAL', 'this module is the entry of a worker thread');
  const transfer = makeTransfer(workerData as TransferJob);
  parentPort.postMessage(transfer, [transfer.buffer as ArrayBuffer]);
}

serve();
