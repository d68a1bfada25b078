import { Worker } from 'node:worker_threads';
import type { Clock } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import type { TransferJob } from './make.ts';

/** A thread that has not ended after this is stopped. */
const timeoutMs = 600_000;
const heapMb = 512;

/** Makes a transfer in a thread of its own. Errors: TIMEOUT, CANCELLED, INTERNAL when the thread ends without one. */
export async function makeInWorker(clock: Clock, job: TransferJob, signal: AbortSignal): Promise<Uint8Array> {
  const worker = new Worker(new URL(import.meta.resolve('@covey/controller/transfers')), {
    workerData: job,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
  });
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  worker.once('message', resolve);
  worker.once('error', reject);
  worker.once('exit', (code) =>
    reject(new CoveyError('INTERNAL', `the thread that makes a transfer ended with code ${code}`)),
  );
  const timer = clock.setTimer(timeoutMs, () =>
    reject(new CoveyError('TIMEOUT', `a transfer was not made within ${timeoutMs} ms`)),
  );
  const cancel = () => reject(new CoveyError('CANCELLED', 'the controller stops'));
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', cancel);
    timer.cancel();
    await worker.terminate();
  }
}
