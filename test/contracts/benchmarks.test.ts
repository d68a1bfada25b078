import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const program = join(import.meta.dirname, '..', 'benchmarks', 'run.ts');

/** The short form of `npm run bench`: that it still runs and gives figures, not what they are. */
test('the wire benchmark runs and gives each figure a baseline', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [program, 'wire', '--json']);
  const [result] = JSON.parse(stdout) as {
    figures: { name: string; baseline?: { ratio: { median: number } } }[];
  }[];
  const compared = result?.figures.filter(({ baseline }) => baseline !== undefined) ?? [];
  expect(compared.length).toBeGreaterThanOrEqual(9);
  for (const { name, baseline } of compared) expect(baseline?.ratio.median, name).toBeGreaterThan(0);
});
