import { type ChildProcess, fork } from 'node:child_process';
import { CoveyError, type ErrorDocument } from '@covey/protocol';

/** What a service started by `up` says once over IPC: that it works, with its addresses, or that it cannot start. */
export type ServiceMessage<Ready> =
  | { type: 'ready'; ready: Ready }
  | { type: 'failed'; error: ErrorDocument };

export interface ServiceOptions<Ready> {
  name: string;
  /** Arguments of `covey`, asked for at each start. */
  args: () => string[];
  /** Open file for its output. */
  log: number;
  onReady: (ready: Ready) => void;
  /** It ended without being asked to; it is started again by itself. */
  onDeath: (how: string) => void;
}

/** What everybody but its maker needs of a service. */
export interface RunningService {
  /** Ends it now, whatever it does; nothing happens when it has ended. */
  kill(): void;
  stop(): Promise<void>;
}

const restartDelayMs = 1_000;
const stopTimeoutMs = 15_000;
/** A service that does not get ready within this is given up. */
const readyTimeoutMs = 60_000;

/**
 * A `covey` process that is kept running, as systemd would on a device. It ends when this process ends, however that
 * happens: losing the IPC channel is its sign to stop.
 */
export class Service<Ready> implements RunningService {
  readonly #options: ServiceOptions<Ready>;
  #child: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(options: ServiceOptions<Ready>) {
    this.#options = options;
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Resolves when it is ready. Errors: the service's own, such as PORT_IN_USE; TIMEOUT. */
  start(): Promise<Ready> {
    const { name, args, log, onReady, onDeath } = this.#options;
    const child = fork(process.argv[1] ?? '', args(), { stdio: ['ignore', log, log, 'ipc'] });
    this.#child = child;
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new CoveyError('TIMEOUT', `${name} did not get ready within ${readyTimeoutMs / 1_000} s`));
      }, readyTimeoutMs);
      let isReady = false;
      child.on('message', (message: ServiceMessage<Ready>) => {
        clearTimeout(timeout);
        if (message.type === 'failed') {
          this.#stopping = true;
          reject(new CoveyError(message.error.code, `${name}: ${message.error.message}`));
          return;
        }
        isReady = true;
        onReady(message.ready);
        resolve(message.ready);
      });
      child.once('exit', (code, signal) => {
        clearTimeout(timeout);
        if (!isReady)
          reject(
            new CoveyError('INTERNAL', `${name} ended while starting (${signal ?? `exit code ${code}`})`),
          );
        if (this.#stopping || !isReady) return;
        onDeath(signal ?? `exit code ${code}`);
        this.#restart = setTimeout(() => {
          // It has been up before: whatever is wrong now, it is told and tried again.
          this.start().catch((error: Error) => onDeath(error.message));
        }, restartDelayMs);
      });
    });
  }

  /** Ends it, by force after a while. Resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await ended;
    clearTimeout(force);
  }
}
