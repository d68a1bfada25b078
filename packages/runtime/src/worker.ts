import { parentPort, workerData } from 'node:worker_threads';
import { describeFile, serveSession, type WorkerStart } from './executor/index.ts';
import { nodeBackend, openExactly, openSession, sharedMs, threadPort } from './node/index.ts';
import { openRunMark } from './record/index.ts';

/** Entry of a worker thread: one thread, one session. */
if (parentPort) {
  const port = threadPort(parentPort);
  const { role, start } = workerData as { role: string; start: unknown };
  if (role === 'schema') await describeFile(port, start as string, nodeBackend);
  else {
    const { slot, ...model } = start as WorkerStart;
    await serveSession(port, model, { openSession, openExactly, sharedMs, mark: slot && openRunMark(slot) });
  }
}
