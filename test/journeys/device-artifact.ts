import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder, until } from './harness.ts';

const root = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);
/** Nothing of the developer's environment reaches the device. */
export const bareEnvironment = { PATH: '/usr/bin:/bin' };
const limitMs = 180_000;

/** What `device-images/build.ts` makes: paths. */
export interface DeviceArtifact {
  folder: string;
  archive: string;
  software: string;
}

/** The artifact as it is shipped, made once for all journeys by the one that asks first. Nobody changes it. */
export async function deviceArtifact(): Promise<DeviceArtifact> {
  const { COVEY_PROGRAMS: programs } = process.env;
  const target = join(programs === undefined ? temporaryFolder() : join(programs, '..'), 'artifact');
  const made = join(target, 'made.json');
  try {
    mkdirSync(target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await until('the artifact', async () => existsSync(made) || undefined, limitMs);
    return JSON.parse(readFileSync(made, 'utf8'));
  }
  // The archive is unpacked once: to pack it as small as can be takes far longer.
  const options = { cwd: root, env: { ...process.env, GZIP: '-1' } };
  const { stdout } = await run(process.execPath, [join(root, 'device-images', 'build.ts'), target], options);
  const [folder = '', archive = '', software = ''] = stdout.split('\n').map((line) => line.split(' ')[0]);
  const artifact = { folder, archive, software };
  writeFileSync(`${made}.part`, JSON.stringify(artifact));
  renameSync(`${made}.part`, made);
  return artifact;
}
