import { fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CoveyError } from '@covey/protocol';
import type { Processes, ProcessSpec } from '../ports.ts';

/** Child processes of this Node, with an IPC channel. They get no environment but what Node itself needs. */
export const nodeProcesses: Processes = {
  start: (spec) => {
    const child = fork(fileURLToPath(spec.module), [], {
      execArgv: spec.nodeFlags,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: inheritedEnvironment(),
    });
    if (child.stderr) createInterface({ input: child.stderr }).on('line', spec.onErrorLine);
    child.on('message', spec.onMessage);
    let exited = false;
    const exit = (code: number | null, signal: string | null) => {
      if (exited) return;
      exited = true;
      spec.onExit({ code, signal });
    };
    child.once('exit', (code, signal) => {
      // What it said last may still have to be read.
      if (child.connected) child.once('disconnect', () => exit(code, signal));
      else exit(code, signal);
    });
    child.once('error', (error) => {
      spec.onErrorLine(error.message);
      if (child.pid === undefined) exit(null, null);
    });
    if (child.pid === undefined) return { pid: 0, send: () => {}, kill: () => {} };
    if (spec.firstToDie) preferForOutOfMemoryKill(child.pid, spec);
    return {
      pid: child.pid,
      // A message to a process that is just ending is lost either way; its exit is reported by onExit.
      send: (message) => child.connected && child.send(message as object, () => {}),
      kill: (signal) => void child.kill(signal),
    };
  },
};

/** Secrets of the agent's environment stay with the agent. */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  const names = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'XDG_RUNTIME_DIR', 'VK_ICD_FILENAMES', 'NODE_COMPILE_CACHE'];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

function preferForOutOfMemoryKill(pid: number, spec: ProcessSpec): void {
  if (process.platform !== 'linux') return;
  writeFile(`/proc/${pid}/oom_score_adj`, '1000').catch((cause: Error) => {
    const error = new CoveyError('INTERNAL', `cannot mark process ${pid} as first to die: ${cause.message}`, {
      cause,
    });
    spec.onErrorLine(error.message);
  });
}
