import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@covey/ports';
import { CoveyError, type ErrorDocument } from '@covey/protocol';

/** What a throwaway process answers to each request. */
export type ThrowawayAnswer<A> = { kind: 'done'; value: A } | { kind: 'failed'; error: ErrorDocument };

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: CoveyError) => void;
}

/** A process of the probe's entry for what may crash it, or never end. One request at a time, each with one answer. */
export class Throwaway {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #waiting: Waiting | undefined;
  #lastErrorLine = '';
  #ended: CoveyError | undefined;

  constructor(onErrorLine: (line: string) => void = () => {}) {
    this.#child = fork(fileURLToPath(import.meta.resolve('@covey/runtime/probe')), [], {
      // The cap on the memory of this process holds for its children; what else it was started with is its own business.
      execArgv: process.execArgv.filter((flag) => flag.startsWith('--max-')),
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const lines = readLines(this.#child.stderr, (line) => {
      this.#lastErrorLine = line;
      onErrorLine(line);
    });
    this.#child.on('message', (answer) => this.#settle(answer as ThrowawayAnswer<unknown>));
    this.#child.once('error', (error) => this.#end(new CoveyError('RUNTIME_DIED', error.message)));
    this.#closed = new Promise((resolve) =>
      this.#child.once('close', async (code, signal) => {
        await lines;
        this.#end(
          new CoveyError('RUNTIME_DIED', `its process ended ${howOf(code, signal, this.#lastErrorLine)}`),
        );
        resolve();
      }),
    );
  }

  /**
   * Errors: those of the answer; RUNTIME_DIED when the process ends, DEADLINE_EXCEEDED when it is ended for taking longer
   * than `timeoutMs`. After either, every request fails with it.
   */
  async ask<A>(request: object, timeoutMs: number): Promise<A> {
    if (this.#ended) throw this.#ended;
    const deadline = systemClock.setTimer(timeoutMs, () =>
      this.#end(new CoveyError('DEADLINE_EXCEEDED', `no answer within ${Math.round(timeoutMs)} ms`)),
    );
    try {
      return await new Promise<A>((resolve, reject) => {
        this.#waiting = { resolve: resolve as (value: unknown) => void, reject };
        // A process that is gone says so by its end.
        this.#child.send(request, () => {});
      });
    } finally {
      deadline.cancel();
    }
  }

  /** Resolves when the process is gone and all that it wrote has been read. */
  close(): Promise<void> {
    this.#end(new CoveyError('MODEL_UNAVAILABLE', 'the process was closed'));
    return this.#closed;
  }

  #settle(answer: ThrowawayAnswer<unknown>): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (answer.kind === 'done') waiting?.resolve(answer.value);
    else waiting?.reject(new CoveyError(answer.error.code, answer.error.message));
  }

  #end(error: CoveyError): void {
    if (this.#ended) return;
    this.#ended = error;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
    this.#child.kill('SIGKILL');
  }
}

/** Resolves when all lines have been read. */
function readLines(stream: Readable | null, onLine: (line: string) => void): Promise<void> {
  if (!stream) return Promise.resolve();
  const reader = createInterface({ input: stream }).on('line', onLine);
  return new Promise((resolve) => reader.once('close', resolve));
}

function howOf(code: number | null, signal: string | null, lastErrorLine: string): string {
  const how = signal === null ? `with code ${code}` : `by ${signal}`;
  return lastErrorLine === '' ? how : `${how}: ${lastErrorLine}`;
}
