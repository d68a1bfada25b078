import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockFolder } from './lock.ts';

const holder = `
import { lockFolder } from ${JSON.stringify(import.meta.resolve('./lock.ts'))};
lockFolder(process.argv[1], process.argv[1] + '/lock');
process.send('held');
setInterval(() => {}, 1000);
`;

test('a second process is refused while the first lives, and admitted once it is killed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'covey-lock-'));
  const child = spawn(process.execPath, ['--input-type=module', '-e', holder, folder], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  expect(() => lockFolder(folder, join(folder, 'lock'))).toThrow(
    expect.objectContaining({ code: 'DATA_LOCKED' }),
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = lockFolder(folder, join(folder, 'lock'));
  lock.release();
});

test('takes no room, which a full disk does not have', () => {
  const folder = mkdtempSync(join(tmpdir(), 'covey-lock-'));
  const path = join(folder, 'lock');
  const lock = lockFolder(folder, path);
  expect(readdirSync(folder)).toEqual(['lock']);
  expect(statSync(path).size).toBe(0);
  lock.release();
});

test('a file that is given as the folder is named', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'covey-lock-')), 'letter.txt');
  writeFileSync(file, 'dear');
  for (const path of [join(file, 'lock'), join(file, 'controller', 'lock')])
    expect(() => lockFolder(file, path)).toThrow(
      expect.objectContaining({ code: 'DATA_FOREIGN', message: `${file} is no folder` }),
    );
});

test('what is no lock says so, not that somebody holds it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'covey-lock-'));
  writeFileSync(join(folder, 'text'), 'not a database'.repeat(100));
  mkdirSync(join(folder, 'folder'));
  for (const [name, code] of Object.entries({ text: 'DATA_CORRUPT', folder: 'DATA_FOREIGN' }))
    expect(() => lockFolder(folder, join(folder, name))).toThrow(expect.objectContaining({ code }));
});
