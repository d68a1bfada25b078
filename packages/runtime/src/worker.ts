import { parentPort, workerData } from 'node:worker_threads';
import { serveSession } from './executor/index.ts';

/** Entry of a worker thread: one thread, one session. */
if (parentPort) await serveSession(parentPort, workerData);
