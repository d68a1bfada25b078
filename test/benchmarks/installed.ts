import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { openConnection } from './connection.ts';
import { endOf } from './program.ts';

const root = join(import.meta.dirname, '..', '..');

/** The device folder, built and unpacked as on a device. */
export interface Installed {
  covey: string;
  node: string;
  /** File URL of the runtime's entry. */
  runtimeModule: string;
  /** File URLs of our programs of that name, as plain JavaScript beside the device's: running TypeScript costs 20 MB and more. */
  emptyProcessModule: string;
  bareModule: string;
}

/** Builds the artifact (`npm run build`) and unpacks it into `folder`. */
export function install(folder: string): Installed {
  const built = execFileSync(process.execPath, [join(root, 'device-images', 'build.ts')], {
    cwd: root,
    encoding: 'utf8',
  });
  const archive = built.trim().split('\n')[1]?.split(' ')[0] ?? '';
  mkdirSync(folder);
  execFileSync('tar', ['-xzf', archive, '-C', folder]);
  const unpacked = join(folder, readdirSync(folder)[0] ?? '');
  const app = join(unpacked, 'app');
  return {
    covey: join(unpacked, 'bin', 'covey'),
    node: join(unpacked, 'bin', 'node'),
    runtimeModule: pathToFileURL(join(app, 'node_modules', '@covey', 'runtime', 'process.js')).href,
    emptyProcessModule: emit('empty-process', app),
    bareModule: emit('bare', app),
  };
}

function emit(program: 'empty-process' | 'bare', folder: string): string {
  const outfile = join(folder, `${program}.js`);
  buildSync({
    entryPoints: [fileURLToPath(import.meta.resolve(`./${program}.ts`))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['onnxruntime-node', 'lz4-napi'],
    logLevel: 'warning',
  });
  return pathToFileURL(outfile).href;
}

/** Nothing of this process's environment reaches the device; compiled code is kept in `compileCache`, when there is one. */
export function bareEnvironment(compileCache?: string): NodeJS.ProcessEnv {
  return { PATH: '/usr/bin:/bin', ...(compileCache !== undefined && { NODE_COMPILE_CACHE: compileCache }) };
}

export interface RunningAgent {
  pid: number;
  inferenceUrl: string;
  /** From the start of the process until the inference API listens. */
  readyMs: number;
  stop(): Promise<void>;
}

export async function startInstalledAgent(
  { covey }: Installed,
  data: string,
  env: NodeJS.ProcessEnv,
): Promise<RunningAgent> {
  const startedMs = performance.now();
  const agent = spawn(covey, ['agent', '--data', data, '--port', '0', '--log-level', 'error'], {
    env,
    cwd: data,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const inferenceUrl = await inferenceUrlOf(agent);
  const readyMs = performance.now() - startedMs;
  return {
    pid: agent.pid ?? 0,
    inferenceUrl,
    readyMs,
    stop: () => endOf(agent, () => agent.kill('SIGTERM')),
  };
}

function inferenceUrlOf(agent: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    agent.once('message', ({ ready }: { ready: { inferenceUrl: string } }) => resolve(ready.inferenceUrl));
    agent.once('exit', (code) => reject(new Error(`the agent ended with ${code}`)));
  });
}

const pollMs = 5;

/** Asks until an answer comes; milliseconds since now. Errors: none came in time. */
export async function firstAnswer(url: string, request: Buffer, longestMs: number): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    const connection = await openConnection(url);
    try {
      await connection.exchange(request);
      return performance.now() - startedMs;
    } catch (error) {
      if (performance.now() - startedMs > longestMs) throw error;
    } finally {
      connection.close();
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
