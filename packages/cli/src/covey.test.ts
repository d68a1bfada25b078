import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { coveyVersion } from './version.ts';

/** What `covey` says, and which modules of commands it loads for that. */
function run(...words: string[]) {
  const tell = `import { registerHooks } from 'node:module';
    const tell = (url) => url.includes('/src/commands/') && process.stderr.write(url.replace(/.*commands./, '') + ' ');
    registerHooks({ load: (url, context, next) => (tell(url), next(url, context)) });`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(tell)}`];
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [...args, join(import.meta.dirname, 'main.ts'), ...words],
    { encoding: 'utf8' },
  );
  return { stdout, loaded: stderr.trim().split(' ') };
}

test('a command loads what it needs, and the version nothing', () => {
  for (const flag of ['--version', '-V'])
    expect(run(flag)).toEqual({ stdout: `${coveyVersion}\n`, loaded: ['index.ts'] });
  const token = run('token', '--help');
  expect(token.stdout).toContain('Usage: covey token');
  expect(token.loaded).toEqual(expect.arrayContaining(['index.ts', 'token.ts']));
  expect(token.loaded).not.toContain('agent.ts');
  expect(run('--help').loaded).toContain('agent.ts');
});
