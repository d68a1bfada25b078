import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commandsIn, listedCommands } from './commands.ts';
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
const main = 'packages/cli/src/main.ts';

describe('README.md', () => {
  it.skipIf(readme === undefined)('shows only scripts that package.json has', () => {
    const { scripts } = JSON.parse(readIfPresent('package.json') ?? '{}') as {
      scripts: Record<string, string>;
    };
    const shown = commandsIn(readme ?? '').scripts;
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.filter((name) => !(name in scripts))).toEqual([]);
  });

  it.skipIf(readme === undefined || readIfPresent(main) === undefined)(
    'shows only commands that covey has',
    () => {
      const known = new Map<string, string[]>();
      const listed = (words: string[]) => {
        const key = words.join(' ');
        const commands = known.get(key) ?? listedCommands(help(words));
        known.set(key, commands);
        return commands;
      };
      const unknown = commandsIn(readme ?? '').covey.flatMap((words) => {
        const [command, second] = words;
        if (command === undefined) return [];
        if (!listed([]).includes(command)) return [command];
        const nested = second === undefined ? [] : listed([command]);
        return nested.length === 0 || nested.includes(second ?? '') ? [] : [`${command} ${second}`];
      });
      expect(unknown).toEqual([]);
    },
    60_000,
  );
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

  it('reads the commands that a help text lists', () => {
    const text =
      'Usage: covey\n\nOptions:\n  -h, --help  x\n\nCommands:\n  up [options]  Start\n  device|devices  List\n      more\n\nSee x\n';
    expect(listedCommands(text)).toEqual(['up', 'device', 'devices']);
  });
});

function help(words: string[]): string {
  return execFileSync(process.execPath, [main, ...words, '--help'], { cwd: root, encoding: 'utf8' });
}

/** The name patterns of our .gitignore: `folder/`, `*.ending` and plain names. */
function ignorePattern(line: string): RegExp {
  const name = line.replace(/\/$/, '');
  return new RegExp(`^${name.split('*').map(RegExp.escape).join('.*')}$`);
}
