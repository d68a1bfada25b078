import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '@covey/ports';
import { CoveyError, type ErrorDocument } from '@covey/protocol';
import type { TransferJob } from './make.ts';

/** A thread that has not answered after this is ended. */
const timeoutMs = 600_000;
/** Starting a thread takes as long as a small transfer: it stays for the next. */
const idleMs = 30_000;
const heapMb = 512;

export type MakerAnswer = { transfer: Uint8Array } | { error: ErrorDocument };

/** Makes transfers in a thread of its own, which is there while there is work. */
export interface Maker {
  /** One at a time. Errors: TIMEOUT, INTERNAL when the thread ends without an answer, CANCELLED by `close`. */
  make(job: TransferJob): Promise<Uint8Array>;
  close(): Promise<void>;
}

export function createMaker(clock: Clock): Maker {
  let worker: Worker | undefined;
  let idle: Timer | undefined;
  const { promise: closed, reject: giveUp } = Promise.withResolvers<never>();
  closed.catch(() => undefined);
  let isClosed = false;
  const end = async () => {
    const ended = worker;
    worker = undefined;
    await ended?.terminate();
  };
  return {
    make: async (job) => {
      if (isClosed) return closed;
      idle?.cancel();
      worker ??= start();
      const { promise, reject } = Promise.withResolvers<never>();
      const timer = clock.setTimer(timeoutMs, () =>
        reject(new CoveyError('TIMEOUT', `a transfer was not made within ${timeoutMs} ms`)),
      );
      try {
        return await Promise.race([answerOf(worker, job), promise, closed]);
      } catch (error) {
        await end();
        throw error;
      } finally {
        timer.cancel();
        if (worker) idle = clock.setTimer(idleMs, () => void end());
      }
    },
    close: async () => {
      isClosed = true;
      giveUp(new CoveyError('CANCELLED', 'the controller stops'));
      idle?.cancel();
      await end();
    },
  };
}

function start(): Worker {
  return new Worker(new URL(import.meta.resolve('@covey/controller/transfers')), {
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: heapMb },
  });
}

async function answerOf(worker: Worker, job: TransferJob): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<MakerAnswer>();
  const ended = (code: number) =>
    reject(new CoveyError('INTERNAL', `the thread that makes transfers ended with code ${code}`));
  worker.once('message', resolve);
  worker.once('error', reject);
  worker.once('exit', ended);
  worker.postMessage(job);
  try {
    const answer = await promise;
    if ('error' in answer) throw new CoveyError(answer.error.code, answer.error.message);
    return answer.transfer;
  } finally {
    worker.off('message', resolve);
    worker.off('error', reject);
    worker.off('exit', ended);
  }
}
