import { parentPort, workerData } from 'node:worker_threads';
import { CoveyError, toCoveyError } from '@covey/protocol';
import { openEngine, type StatementResult } from './engine.ts';
import type { WorkerAnswer, WorkerRequest } from './executor.ts';

/** Entry of the database's thread: opens the file named in `workerData`, then answers requests in the order they come. */
function serve(): void {
  const port = parentPort;
  if (!port) throw new CoveyError('INTERNAL', 'this module is the entry of a worker thread');
  const nothing: StatementResult = { rows: [], changes: 0, insertId: 0 };
  const answer = (id: number, work: () => StatementResult) => {
    let message: WorkerAnswer;
    try {
      message = { id, result: work() };
    } catch (error) {
      message = { id, error: toCoveyError(error).toJSON() };
    }
    port.postMessage(message);
  };
  answer(0, () => {
    const engine = openEngine(String(workerData));
    port.on('message', (request: WorkerRequest) =>
      answer(request.id, () => {
        if ('statement' in request) return engine.execute(request.statement);
        engine.close();
        return nothing;
      }),
    );
    return nothing;
  });
}

serve();
