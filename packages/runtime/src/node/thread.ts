import { type MessagePort, Worker } from 'node:worker_threads';
import type { StartThread, Thread, ThreadListener, ThreadPort } from '../platform/index.ts';

const entries = {
  model: '@covey/runtime/worker',
  schema: '@covey/runtime/worker',
  steps: '@covey/runtime/steps',
} as const;

/** A worker thread of Node's. One that does steps does not keep the process alive. */
export const startWorker: StartThread = (role, start) => {
  const worker = new Worker(new URL(import.meta.resolve(entries[role])), { workerData: { role, start } });
  if (role === 'steps') worker.unref();
  return new WorkerThread(worker);
};

class WorkerThread implements Thread {
  readonly #worker: Worker;
  #listener: ThreadListener | undefined;
  #end: string | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (message) => this.#listener?.onMessage(message));
    worker.on('error', (error) => this.#ended(`failed: ${String(error)}`));
    worker.on('exit', () => this.#ended('ended'));
  }

  post(message: unknown): void {
    this.#worker.postMessage(message);
  }

  listen(listener: ThreadListener): void {
    this.#listener = listener;
    if (this.#end !== undefined) listener.onEnd(this.#end);
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #ended(why: string): void {
    if (this.#end !== undefined) return;
    this.#end = why;
    this.#listener?.onEnd(why);
  }
}

/** The thread's own side. */
export function threadPort(port: MessagePort): ThreadPort {
  return {
    post: (message, transfer = []) => port.postMessage(message, transfer),
    listen: (onMessage) => port.on('message', onMessage),
    close: () => port.close(),
  };
}
