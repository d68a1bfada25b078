import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { systemClock, type Timer } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import { type Channel, createChannel } from './channel.ts';
import type { FromRunner, RunnerAnswer, RunnerRequest, ToRunner } from './messages.ts';

/** The runner's end of the socket between us. */
export const runnerChannelFd = 3;

/** Lines of standard error that are kept to explain a crash. */
const keptLines = 5;

interface Waiting {
  request: RunnerRequest;
  timeoutMs: number;
  resolve: (answer: RunnerAnswer) => void;
  reject: (error: CoveyError) => void;
}

/** A process that runs models: what crashes it, or never ends, costs the request that did and those behind it. */
export class RunnerProcess {
  readonly #child: ChildProcess;
  readonly #channel: Channel<ToRunner>;
  readonly #waiting: Waiting[] = [];
  readonly #errorLines: string[] = [];
  #nextId = 1;
  #deadline: Timer | undefined;
  #ended: CoveyError | undefined;

  constructor() {
    this.#child = spawn(process.execPath, [fileURLToPath(import.meta.resolve('@covey/runtime/runner'))], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    const socket = this.#child.stdio[runnerChannelFd] as Socket;
    this.#channel = createChannel(socket, (message: FromRunner) => this.#settle(message));
    // Of a process that is gone; what it was is told by its exit.
    socket.on('error', () => {});
    if (this.#child.stderr)
      createInterface({ input: this.#child.stderr }).on('line', (line) => this.#keep(line));
    this.#child.once('error', (error) => this.#keep(error.message));
    this.#child.once('close', (code, signal) =>
      this.#end(diedOf(code, signal, this.#waiting[0]?.request, this.#errorLines)),
    );
  }

  /** Whether it will answer nothing more. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * One request at a time is carried out, in order; `timeoutMs` counts from when it begins. Errors: the runner's own;
   * RUNTIME_DIED when the process ends, DEADLINE_EXCEEDED when it is ended for taking longer.
   */
  ask(request: RunnerRequest, timeoutMs: number): Promise<RunnerAnswer> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, timeoutMs, resolve, reject });
      if (this.#waiting.length === 1) this.#begin();
    });
  }

  close(): void {
    this.#end(new CoveyError('MODEL_UNAVAILABLE', 'the execution was closed'));
  }

  #begin(): void {
    const next = this.#waiting[0];
    if (!next) return;
    const { request, timeoutMs } = next;
    this.#deadline = systemClock.setTimer(timeoutMs, () => {
      const message = `${doing(request)} took longer than ${timeoutMs} ms`;
      this.#end(new CoveyError('DEADLINE_EXCEEDED', message));
    });
    this.#channel.send({ ...request, id: this.#nextId++ });
  }

  #keep(line: string): void {
    this.#errorLines.push(line);
    this.#errorLines.splice(0, this.#errorLines.length - keptLines);
  }

  #settle(message: FromRunner): void {
    this.#deadline?.cancel();
    const settled = this.#waiting.shift();
    if (message.kind === 'done') settled?.resolve(message);
    else settled?.reject(new CoveyError(message.error.code, message.error.message));
    this.#begin();
  }

  #end(error: CoveyError): void {
    if (this.#ended) return;
    this.#ended = error;
    this.#deadline?.cancel();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#child.kill('SIGKILL');
  }
}

function diedOf(
  code: number | null,
  signal: string | null,
  request: RunnerRequest | undefined,
  lines: string[],
): CoveyError {
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
  const when = request === undefined ? '' : ` while ${doing(request)}`;
  const words = lines.length === 0 ? '' : `: ${lines.join(' | ')}`;
  return new CoveyError('RUNTIME_DIED', `ONNX Runtime ended its process ${how}${when}${words}`);
}

function doing({ kind }: RunnerRequest): string {
  return {
    load: 'loading a model',
    run: 'running a model',
    release: 'releasing a model',
    time: 'timing models',
    peak: 'measuring memory',
  }[kind];
}
