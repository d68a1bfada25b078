import { parentPort } from 'node:worker_threads';
import { nodeDecoding, threadPort } from './node/index.ts';
import { serveSteps } from './pipeline/index.ts';

/** Entry of a thread that does the steps of pipelines: pictures and sound to tensors, and what is done with scores. */
if (parentPort) serveSteps(threadPort(parentPort), nodeDecoding);
