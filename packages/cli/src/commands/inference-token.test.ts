import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceTokensSchema, parseDocument } from '@covey/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { inferenceTokenCommand } from './inference-token.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'covey-tokens-'));
  path = join(folder, 'tokens.json');
});
afterEach(() => rm(folder, { recursive: true }));

/** What the command prints. */
async function create(...options: string[]): Promise<string> {
  const written = vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  try {
    await inferenceTokenCommand().parseAsync(['create', '--tokens', path, ...options], { from: 'user' });
    return String(written.mock.calls[0]?.[0]).trim();
  } finally {
    written.mockRestore();
  }
}

const callers = async () => parseDocument(InferenceTokensSchema, await readFile(path), path);

test('the token is shown once; the file, its owner’s alone, keeps its hash and the limits', async () => {
  const token = await create(
    '--name',
    'ann',
    '--model',
    'm',
    '--model',
    'n',
    '--rate',
    '5',
    '--per-day',
    '9',
  );
  expect(token).toMatch(/^covey-[\w-]{43}$/);
  expect(await callers()).toMatchObject([
    {
      name: 'ann',
      sha256: createHash('sha256').update(token).digest('hex'),
      models: ['m', 'n'],
      requestsPerSecond: 5,
      requestsPerDay: 9,
    },
  ]);
  expect((await readFile(path)).includes(token)).toBe(false);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('a second caller is added; a second token of one only when asked for', async () => {
  const first = await create('--name', 'ann');
  await create('--name', 'bob', '--admin');
  await expect(create('--name', 'ann')).rejects.toMatchObject({ code: 'CONFLICT' });
  const second = await create('--name', 'ann', '--replace');
  expect(second).not.toBe(first);
  expect((await callers()).map(({ name }) => name).sort()).toEqual(['ann', 'bob']);
});

test('what the file may not hold is refused', async () => {
  await expect(create('--name', 'local')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(create('--name', 'Ann!')).rejects.toMatchObject({ code: 'INVALID_DOCUMENT' });
  await expect(create('--name', 'ann', '--burst', '3')).rejects.toMatchObject({ code: 'INVALID_DOCUMENT' });
});
