import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { type SlotName, type SoftwareTools, slotNames } from '@covey/agent';
import { systemDisk } from '@covey/ports';
import { CoveyError } from '@covey/protocol';

const run = promisify(execFile);
const testLimitMs = 5 * 60_000;
const outputBytes = 1024 * 1024;

/** The operating system's name as artifacts have it, `linux-x64`. */
const platform = `${process.platform}-${process.arch}`;

/** For an agent that the launcher started, which says so in the environment; undefined for any other. */
export function softwareTools(dataFolder: string): SoftwareTools | undefined {
  const { COVEY_SLOT: _, ...environment } = process.env;
  const slot = slotNames.find((name): name is SlotName => name === process.env.COVEY_SLOT);
  if (!slot) return undefined;
  let isEnding = false;
  return {
    slot,
    platform,
    unpack,
    test: (folder, signal) => test(folder, dataFolder, { environment, signal }),
    // As if somebody had told it to stop: whoever keeps the launcher running starts it again.
    restart: () => {
      // A second signal would cut off what the first one has begun.
      if (!isEnding) process.kill(process.pid, 'SIGTERM');
      isEnding = true;
    },
  };
}

async function unpack(archive: string, folder: string): Promise<void> {
  try {
    await run('tar', ['-x', '-f', archive, '-C', folder, '--no-same-owner']);
  } catch (cause) {
    throw new CoveyError('BUNDLE_CORRUPT', `it cannot be unpacked: ${(cause as Error).message}`, { cause });
  }
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const digests: string[] = [];
  for (const entry of entries) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    await sync(path);
    if (entry.isFile()) digests.push(`${await digestOf(path)}  ${relative(folder, path)}\n`);
  }
  await systemDisk.write(join(folder, 'digests'), Buffer.from(digests.join('')));
  await sync(folder);
  await sync(dirname(folder));
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  await file.sync().finally(() => file.close());
}

async function test(
  folder: string,
  dataFolder: string,
  { environment, signal }: { environment: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<void> {
  try {
    await run(join(folder, 'bin', 'covey'), ['selftest', '--data', dataFolder], {
      env: environment,
      signal,
      timeout: testLimitMs,
      maxBuffer: outputBytes,
    });
  } catch (cause) {
    const { stderr, message } = cause as Error & { stderr?: string };
    const said = stderr?.trim().split('\n').slice(-5).join(' ') || message;
    throw new CoveyError('SOFTWARE_FAILED', `its self test failed: ${said}`, { cause });
  }
}
