import { parentPort, workerData } from 'node:worker_threads';
import { describeFile, serveSession } from './executor/index.ts';

/** Entry of a worker thread: one thread, one session. */
if (parentPort) {
  await ('describe' in workerData
    ? describeFile(parentPort, workerData.describe)
    : serveSession(parentPort, workerData));
}
