/** What the runtime asks of where it runs: a process of Node's, or a page of a browser. */
export interface Platform {
  /** Threads that compute at a time. */
  readonly cores: number;
  readonly memory: MemoryReading;
  readonly files: Files;
  /** Of the process, where there is one to look into. */
  readonly process?: ProcessReading;
  startThread: StartThread;
  /** Milliseconds on a clock that all threads share. */
  sharedMs(): number;
  /** Resolves after what is under way now, answers on their way first of all. */
  nextTurn(): Promise<void>;
}

export interface MemoryReading {
  /** Bytes that may still be taken. */
  availableBytes(): number;
  /** So little is left that models shall do with fewer sessions. */
  isShort(): boolean;
}

/** Where models and what belongs to them lie. Paths are what a plan names. Errors: NOT_FOUND, BUNDLE_CORRUPT. */
export interface Files {
  read(path: string): Promise<Uint8Array>;
  sizeBytes(path: string): Promise<number>;
}

export interface ProcessReading {
  readonly id: number;
  residentBytes(): number;
  /** User and system, since it began. */
  cpuSeconds(): number;
  /** In which the event loop was at work, since it began. */
  eventLoopActiveSeconds(): number;
}

/** What a thread is for: to run one model, to read what a model takes and gives, or to do steps of pipelines. */
export type ThreadRole = 'model' | 'schema' | 'steps';

/** Starts a thread, which finds `start` when it begins. It is listened to at once. */
export type StartThread = (role: ThreadRole, start: unknown) => Thread;

/** A thread, from outside. */
export interface Thread {
  post(message: unknown): void;
  /** Who listened before hears no more. */
  listen(listener: ThreadListener): void;
  /** Ends it, whatever it does; resolves when it has ended, which native code may put off for ever. */
  terminate(): Promise<void>;
}

export interface ThreadListener {
  onMessage(message: unknown): void;
  /** It has ended, or failed by something that nothing in it caught; `why` goes on a sentence about it. At most once. */
  onEnd(why: string): void;
}

/** A thread, from within. */
export interface ThreadPort {
  post(message: unknown, transfer?: ArrayBuffer[]): void;
  listen(onMessage: (message: unknown) => void): void;
  /** Hears nothing any more, and ends. */
  close(): void;
}
