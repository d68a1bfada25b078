import { readdirSync } from 'node:fs';
import { commands } from '@covey/cli/commands';
import { describe, expect, it } from 'vitest';
import { commandsIn } from './commands.ts';
import { readIfPresent, root } from './sources.ts';

const allowed = [
  '.biome.json',
  '.ci',
  '.git',
  '.gitignore',
  '.npmrc',
  'LICENSE',
  'README.md',
  'device-images',
  'package.json',
  'packages',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'test',
];

describe('the root folder', () => {
  it('holds nothing but what has its place there', () => {
    const ignored = (readIfPresent('.gitignore') ?? '').split('\n').filter(Boolean).map(ignorePattern);
    const litter = readdirSync(root).filter(
      (name) => !allowed.includes(name) && !ignored.some((pattern) => pattern.test(name)),
    );
    expect(litter).toEqual([]);
  });
});

const readme = readIfPresent('README.md');

describe('README.md', () => {
  it.skipIf(readme === undefined)('shows only scripts that package.json has', () => {
    const { scripts } = JSON.parse(readIfPresent('package.json') ?? '{}') as {
      scripts: Record<string, string>;
    };
    const shown = commandsIn(readme ?? '').scripts;
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.filter((name) => !(name in scripts))).toEqual([]);
  });

  it.skipIf(readme === undefined)('shows only commands that covey has', { timeout: 60_000 }, async () => {
    const shown = commandsIn(readme ?? '').covey.filter(([name]) => name !== undefined);
    expect(shown.length).toBeGreaterThan(0);
    const unknown: string[] = [];
    for (const [name = '', nested] of shown) {
      const command = await commands.get(name)?.();
      const names = command?.commands.flatMap((one) => [one.name(), ...one.aliases()]) ?? [];
      if (!command || (nested !== undefined && names.length > 0 && !names.includes(nested)))
        unknown.push(`${name} ${nested ?? ''}`);
    }
    expect(unknown).toEqual([]);
  });
});

describe('commandsIn', () => {
  it('reads the scripts and commands of fenced blocks alone', () => {
    const text = [
      'Run `npm run nothing`.',
      '```sh',
      '$ npm start',
      'npm test && npm run build:all',
      'npm run -s covey -- device list --json  # npm run ignored',
      'npm run -s covey -- up --data x',
      'npm run --silent covey -- --help',
      '```',
      'npm run outside',
      '```',
      'npm run inside | cat',
      '```',
    ].join('\n');
    expect(commandsIn(text)).toEqual({
      scripts: ['start', 'test', 'build:all', 'covey', 'covey', 'covey', 'inside'],
      covey: [['device', 'list'], ['up'], []],
    });
  });
});

/** The name patterns of our .gitignore: `folder/`, `*.ending` and plain names. */
function ignorePattern(line: string): RegExp {
  const name = line.replace(/\/$/, '');
  return new RegExp(`^${name.split('*').map(RegExp.escape).join('.*')}$`);
}
