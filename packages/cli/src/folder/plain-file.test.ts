import { execFileSync } from 'node:child_process';
import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPlainFile } from './plain-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'covey-file-'));
const at = (name: string) => join(folder, name);
writeFileSync(at('file'), 'abc');
writeFileSync(at('large'), '');
truncateSync(at('large'), 2 ** 31 + 1);
execFileSync('mkfifo', [at('pipe')]);

test('a file is read whole', () => {
  expect(readPlainFile(at('file'))).toEqual(Buffer.from('abc'));
});

test.each([
  ['a pipe', at('pipe'), 'INVALID_ARGUMENT'],
  ['a device without end', '/dev/zero', 'INVALID_ARGUMENT'],
  ['a folder', folder, 'INVALID_ARGUMENT'],
  ['what is not there', at('absent'), 'NOT_FOUND'],
  ['a name that is none', 'a\0b', 'NOT_FOUND'],
  ['more than the limit', at('large'), 'PAYLOAD_TOO_LARGE'],
])('%s is refused', (_, path, code) => {
  expect(() => readPlainFile(path)).toThrow(expect.objectContaining({ code }));
});
