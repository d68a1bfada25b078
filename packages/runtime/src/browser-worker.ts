import { serveThread } from './browser/index.ts';

/** Entry of a worker of a page: one model, or steps of pipelines. */
await serveThread();
