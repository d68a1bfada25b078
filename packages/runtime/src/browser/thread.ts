import type { StartThread, Thread, ThreadListener, ThreadPort, ThreadRole } from '../platform/index.ts';

/** Where a page keeps what the runtime loads beside itself. */
export interface Addresses {
  /** The script of `@covey/runtime/browser-worker`, bundled; of the page's own origin. */
  workerUrl: string;
  /** The folder that holds the files of `onnxruntime-web` and `mozjpeg_dec.wasm`; ends with a slash. */
  assetsUrl: string;
}

/** The first message to a thread. */
export interface ThreadStart {
  role: ThreadRole;
  start: unknown;
  assetsUrl: string;
}

/** What a thread posts: its messages, and that it ends, which the browser tells nobody. */
type Posted = { message: unknown } | { isEnd: true };

/** Threads as dedicated workers. */
export function workerThreads({ workerUrl, assetsUrl }: Addresses): StartThread {
  return (role, start) => {
    const worker = new Worker(workerUrl, { type: 'module', name: `covey ${role}` });
    worker.postMessage({ role, start, assetsUrl } satisfies ThreadStart);
    return new WebThread(worker, workerUrl);
  };
}

class WebThread implements Thread {
  readonly #worker: Worker;
  #listener: ThreadListener | undefined;
  #end: string | undefined;

  constructor(worker: Worker, workerUrl: string) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Posted>) => {
      if ('isEnd' in data) this.#ended('ended');
      else this.#listener?.onMessage(data.message);
    };
    worker.onmessageerror = () => this.#failed('failed: a message could not be read');
    worker.onerror = (event) => {
      event.preventDefault();
      // What cannot be loaded says nothing.
      this.#failed(`failed: ${event.message || `its script cannot be loaded from ${workerUrl}`}`);
    };
  }

  post(message: unknown): void {
    this.#worker.postMessage(message);
  }

  listen(listener: ThreadListener): void {
    this.#listener = listener;
    if (this.#end !== undefined) listener.onEnd(this.#end);
  }

  async terminate(): Promise<void> {
    this.#worker.terminate();
  }

  /** An error that nothing caught does not end a worker: it may have lost what it was at. */
  #failed(why: string): void {
    this.#worker.terminate();
    this.#ended(why);
  }

  #ended(why: string): void {
    if (this.#end !== undefined) return;
    this.#end = why;
    this.#listener?.onEnd(why);
  }
}

/** The worker's own side: its port, and what it was started for. */
export function ownThread(): { port: ThreadPort; started: Promise<ThreadStart> } {
  const { promise: started, resolve } = Promise.withResolvers<ThreadStart>();
  let onMessage: ((message: unknown) => void) | undefined;
  let isStarted = false;
  self.onmessage = ({ data }: MessageEvent) => {
    if (isStarted) onMessage?.(data);
    else resolve(data as ThreadStart);
    isStarted = true;
  };
  // A rejection that nothing handles is an error like any other.
  self.onunhandledrejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    self.reportError(event.reason);
  };
  const post = (posted: Posted, transfer: ArrayBuffer[] = []) => self.postMessage(posted, { transfer });
  const port: ThreadPort = {
    post: (message, transfer) => post({ message }, transfer),
    listen: (listener) => (onMessage = listener),
    close: () => {
      post({ isEnd: true });
      self.close();
    },
  };
  return { port, started };
}
