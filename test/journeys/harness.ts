import { type ChildProcess, execFile, fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** `covey` as a checkout runs it. */
export const sourceMain = fileURLToPath(import.meta.resolve('@covey/cli/main'));
const { COVEY_PROGRAMS: programs } = process.env;
/** `covey` as programs.ts had it bundled for the journeys; benchmarks, which have no such thing, run the source. */
export const main = programs === undefined ? sourceMain : join(programs, 'covey.js');
// What is compiled once need not be again in the processes to come. Set for them alone: this one ends after the folder is gone.
if (programs !== undefined) process.env.NODE_COMPILE_CACHE = join(programs, '..', 'compiled');
/** The runtime's programs, from the same place, as URLs. */
export const runtimeProgram = (name: 'process' | 'probe'): string =>
  programs === undefined
    ? import.meta.resolve(`@covey/runtime/${name}`)
    : pathToFileURL(join(programs, 'node_modules', '@covey', 'runtime', `${name}.js`)).href;
/** Real models, photographs and speech, beside the checkout; journeys that need them are skipped without. */
export const dataFolder = join(import.meta.dirname, '..', '..', '..', 'shared', 'data');
export const hasData = existsSync(dataFolder);

/** `npm run long`: every case of a kind, where `npm test` takes some. */
export const isLong = process.env.COVEY_LONG !== undefined;

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `covey` to its end, as a user would. */
export function covey(
  args: string[],
  options: { stdin?: string; cwd?: string; program?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [options.program ?? main, ...args],
      { cwd: options.cwd, maxBuffer: 64 * 1024 * 1024 },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
    child.stdin?.end(options.stdin ?? '');
  });
}

/** Runs `covey --json` and returns the document; a failure is thrown with all that was printed. */
export async function coveyJson<T>(args: string[], options: { stdin?: string } = {}): Promise<T> {
  const { code, stdout, stderr } = await covey([...args, '--json'], options);
  if (code !== 0) throw new Error(`covey ${args.join(' ')} exited ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as T;
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'covey-journey-'));
}

export interface RunningService<Ready> {
  ready: Ready;
  child: ChildProcess;
  /** What it has written to standard error so far. */
  log(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a long-running `covey` command and waits until it says that it is ready. */
export function startService<Ready>(args: string[], module = main): Promise<RunningService<Ready>> {
  const child = fork(module, args, { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const lines: string[] = [];
  if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  const log = () => lines.join('\n');
  const kill = (signal: NodeJS.Signals) =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('exit', () => resolve());
      child.kill(signal);
    });
  return new Promise((resolve, reject) => {
    child.once('exit', (code, signal) =>
      reject(new Error(`covey ${args.join(' ')} ended (${signal ?? code}):\n${log()}`)),
    );
    child.once('message', (message: { type: string; ready: Ready; error?: { message: string } }) => {
      if (message.type === 'ready') resolve({ ready: message.ready, child, log, kill });
      else reject(new Error(message.error?.message ?? 'failed'));
    });
  });
}

export interface TestFleet {
  data: string;
  url: string;
  controller: RunningService<{ url: string }>;
  agents: (RunningService<{ inferenceUrl: string }> & { folder: string; id: string })[];
  /** `covey` with this fleet's data folder. */
  json<T>(...args: string[]): Promise<T>;
  stop(): Promise<void>;
}

/** A controller and enrolled devices as processes of their own, on free ports, in a temporary folder. */
export async function startTestFleet(deviceCount: number): Promise<TestFleet> {
  const data = temporaryFolder();
  const controller = await startService<{ url: string }>([
    'controller',
    '--data',
    data,
    '--port',
    '0',
    '--mqtt-port',
    '0',
    '--device-port',
    '0',
  ]);
  const json = <T>(...args: string[]) => coveyJson<T>([...args, '--data', data]);
  await json('trust', 'create');
  const agents: TestFleet['agents'] = [];
  for (let index = 1; index <= deviceCount; index++) {
    const id = `edge-${index}`;
    const folder = join(data, 'devices', id);
    const { token } = await json<{ token: string }>('token', 'create', '--tag', `line=${index}`);
    await coveyJson(['enroll', '--data', folder, '--id', id], { stdin: token });
    agents.push({ ...(await startAgent(folder)), folder, id });
  }
  const stop = async () => {
    await Promise.all(agents.map((agent) => agent.kill('SIGTERM')));
    await controller.kill('SIGTERM');
    rmSync(data, { recursive: true, force: true });
  };
  return { data, url: controller.ready.url, controller, agents, json, stop };
}

export function startAgent(folder: string): Promise<RunningService<{ inferenceUrl: string }>> {
  return startService([
    'agent',
    '--data',
    folder,
    '--port',
    '0',
    '--metrics',
    '1s',
    '--summaries',
    '2s',
    '--flush',
    '500ms',
  ]);
}

/** Waits until `probe` gives something other than undefined; fails with `what` after `timeoutMs`. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`gave up waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export function readData(...path: string[]): Uint8Array {
  return readFileSync(join(dataFolder, ...path));
}
