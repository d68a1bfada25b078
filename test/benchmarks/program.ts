import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A program in a process of its own, spoken to over IPC: one question at a time, one answer to each. */
export interface Program {
  readonly child: ChildProcess;
  ask<Answer>(question: object): Promise<Answer>;
  /** The first message that `accept` takes. Errors: the program ended. */
  hear<Answer>(accept?: (message: Answer) => boolean): Promise<Answer>;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  args?: string[];
  execPath?: string;
  nodeFlags?: string[];
  env?: NodeJS.ProcessEnv;
}

/** Starts the module at a file URL. What it writes to standard error is passed on. */
export function startProgram(module: string, options: ProgramOptions = {}): Program {
  const child = fork(fileURLToPath(module), options.args ?? [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: options.nodeFlags ?? [],
    ...(options.execPath !== undefined && { execPath: options.execPath }),
    ...(options.env && { env: options.env }),
  });
  const hear = <Answer>(accept: (message: Answer) => boolean = () => true) =>
    new Promise<Answer>((resolve, reject) => {
      const forget = () => {
        child.off('message', heard);
        child.off('exit', ended);
      };
      const heard = (message: unknown) => {
        if (!accept(message as Answer)) return;
        forget();
        resolve(message as Answer);
      };
      const ended = (code: number | null, signal: string | null) => {
        forget();
        reject(new Error(`${module} ended (${signal ?? code}) before it answered`));
      };
      child.on('message', heard);
      child.once('exit', ended);
    });
  return {
    child,
    hear,
    ask: (question) => {
      const answer = hear<never>();
      child.send(question);
      return answer;
    },
    stop: () => endOf(child, () => child.disconnect()),
  };
}

/** Resolves when a process that `end` was told to has ended. */
export function endOf(child: ChildProcess, end: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    end();
  });
}
