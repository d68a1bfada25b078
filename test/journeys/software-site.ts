import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { bareEnvironment, type DeviceArtifact } from './device-artifact.ts';
import { temporaryFolder } from './harness.ts';

const restartMs = 100;

/** Most of the bytes, the same in every version: links in their place keep the journey from moving 170 MB about. */
const heavy = ['bin/node', 'app/node_modules/onnxruntime-node'];

/** The same software with another version, and texts of its programs replaced: each has to be there. Answers its archive. */
export function changeSoftware(
  { folder, software }: DeviceArtifact,
  version: string,
  replacements: Record<string, string> = {},
): string {
  const changed = temporaryFolder();
  const parts = ['LICENSE', 'app', 'bin'];
  const filter = (source: string) => !heavy.some((path) => source === join(folder, path));
  for (const part of parts) cpSync(join(folder, part), join(changed, part), { recursive: true, filter });
  for (const path of heavy) symlinkSync(join(folder, path), join(changed, path));
  const all = { 'coveyVersion = "0.1.0"': `coveyVersion = "${version}"`, ...replacements };
  const programs = readdirSync(join(changed, 'app')).filter((name) => name.endsWith('.js'));
  for (const [before, after] of Object.entries(all)) {
    let found = 0;
    for (const name of programs) {
      const path = join(changed, 'app', name);
      const text = readFileSync(path, 'utf8');
      if (!text.includes(before)) continue;
      writeFileSync(path, text.replace(before, after));
      found++;
    }
    if (found !== 1) throw new Error(`"${before}" is in ${found} programs, not in one`);
  }
  const target = join(temporaryFolder(), software.split('/').at(-1)?.replace('0.1.0', version) ?? '');
  const plain = ['--format=ustar', '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  execFileSync('tar', [...plain, '-cf', target, '-C', changed, ...parts]);
  return target;
}

/** Keeps the launcher running, as systemd would with `Restart=always`. */
export function keepRunning(launcher: string, args: string[]) {
  let child: ChildProcess;
  let starts = 0;
  let isStopping = false;
  let onEnd = () => {};
  const start = () => {
    starts++;
    child = spawn(launcher, args, { env: bareEnvironment, stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('exit', () => (isStopping ? onEnd() : setTimeout(start, restartMs)));
  };
  start();
  return {
    starts: () => starts,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    stop: () =>
      new Promise<void>((resolve) => {
        isStopping = true;
        onEnd = resolve;
        child.kill('SIGTERM');
      }),
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** Asks whether models are served, all the time; answers the longest time, in milliseconds, in which they were not. */
export function watchServing(url: string) {
  let isWatching = true;
  let longestGapMs = 0;
  let servedAt = performance.now();
  const watching = (async () => {
    while (isWatching) {
      const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
      if (answer?.ok) {
        longestGapMs = Math.max(longestGapMs, performance.now() - servedAt);
        servedAt = performance.now();
      }
      await answer?.arrayBuffer().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return async () => {
    isWatching = false;
    await watching;
    return Math.round(longestGapMs);
  };
}
