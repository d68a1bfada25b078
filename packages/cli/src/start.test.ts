import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'covey-start-'));
  mkdirSync(join(root, 'src'));
  cpSync(join(import.meta.dirname, 'start.js'), join(root, 'src', 'start.mjs'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** In a folder without anything else of Covey; with another `version`, as that Node would see itself. */
function start(version = process.versions.node) {
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '${version}' })`;
  const args = [
    '--import',
    `data:text/javascript,${encodeURIComponent(pretend)}`,
    join(root, 'src', 'start.mjs'),
  ];
  return spawnSync(process.execPath, args, { encoding: 'utf8' });
}

test('a Node that cannot run the rest, or a folder where nothing is set up, gets a way on and no trace', () => {
  const unset = start();
  mkdirSync(join(root, 'node_modules'));
  for (const { status, stdout, stderr } of [unset, start('20.20.2'), start('24.0.0')]) {
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/needs Node 26 or newer, this is Node \d/);
    expect(stderr).toContain('`npm start`, or `npm run setup`');
    expect(stderr).not.toMatch(/ at |Error/);
  }
  expect(unset.stderr).toContain('nothing is set up');
});

test('Node 26 with everything set up goes on to the command', () => {
  mkdirSync(join(root, 'node_modules'));
  const { status, stderr } = start();
  expect(status).toBe(1);
  expect(stderr).toContain('main.ts');
});
