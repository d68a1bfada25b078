import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createOutput } from '../terminal/output.ts';
import { up } from './up.ts';

test('a file that is given as the data folder is named', async () => {
  const data = join(mkdtempSync(join(tmpdir(), 'covey-up-')), 'letter.txt');
  writeFileSync(data, 'dear');
  await expect(up({ data, devices: 1, once: true, output: createOutput(true) })).rejects.toMatchObject({
    code: 'DATA_FOREIGN',
    message: `${data} is no folder`,
  });
});
