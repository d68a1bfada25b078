import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const builder = join(import.meta.dirname, '..', '..', 'device-images', 'programs.ts');

/**
 * Once for all journeys: a process from source costs three times the processor time until it is ready, and journeys start
 * hundreds. Vitest calls this before the tests, and what it returns after them.
 */
export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'covey-programs-'));
  execFileSync(process.execPath, [builder, folder], { stdio: 'inherit' });
  process.env.COVEY_PROGRAMS = join(folder, 'app');
  return () => rmSync(folder, { recursive: true, force: true });
}
