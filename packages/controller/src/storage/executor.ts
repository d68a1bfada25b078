import { Worker } from 'node:worker_threads';
import { CoveyError, type ErrorDocument, toCoveyError } from '@covey/protocol';
import { openEngine, type Statement, type StatementResult } from './engine.ts';

/** Runs statements in the order they are given, in this thread or in one of its own. */
export interface Executor {
  execute(statement: Statement): Promise<StatementResult>;
  close(): Promise<void>;
}

export type WorkerRequest = { id: number; statement: Statement } | { id: number; close: true };
export type WorkerAnswer = { id: number } & ({ result: StatementResult } | { error: ErrorDocument });

/** For ':memory:' and wherever real threads would make the order of things chance. */
export function executorInThread(file: string): Executor {
  const engine = openEngine(file);
  return {
    execute: async (statement) => engine.execute(statement),
    close: async () => engine.close(),
  };
}

/** Id of the answer that tells how opening the file went. */
const opening = 0;

/** A big aggregate or a slow disk then stalls no connection. */
export async function executorInWorker(file: string): Promise<Executor> {
  const worker = new Worker(new URL(import.meta.resolve('@covey/controller/storage')), {
    workerData: file,
    execArgv: [],
  });
  const waiting = new Map<number, PromiseWithResolvers<StatementResult>>();
  let lastId = opening;
  let ended: CoveyError | undefined;
  const expect = (id: number) => {
    const waiter = Promise.withResolvers<StatementResult>();
    waiting.set(id, waiter);
    return waiter.promise;
  };
  const end = (error: CoveyError) => {
    ended ??= error;
    for (const waiter of waiting.values()) waiter.reject(ended);
    waiting.clear();
  };
  worker.on('message', (answer: WorkerAnswer) => {
    const waiter = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) waiter?.reject(new CoveyError(answer.error.code, answer.error.message));
    else waiter?.resolve(answer.result);
  });
  worker.on('error', (error) => end(toCoveyError(error)));
  worker.on('exit', () => end(new CoveyError('INTERNAL', `the database ${file} is closed`)));
  const ask = (request: { statement: Statement } | { close: true }): Promise<StatementResult> => {
    if (ended) return Promise.reject(ended);
    const id = ++lastId;
    const answer = expect(id);
    worker.postMessage({ id, ...request } satisfies WorkerRequest);
    return answer;
  };
  await expect(opening);
  return {
    execute: (statement) => ask({ statement }),
    close: async () => {
      await ask({ close: true });
      await worker.terminate();
    },
  };
}
