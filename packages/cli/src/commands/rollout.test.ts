import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { rolloutCommand } from './rollout.ts';

test.each(['banana', '0'])('a dry run refuses waves of %s, before a controller is asked', async (waves) => {
  const token = join(mkdtempSync(join(tmpdir(), 'covey-rollout-')), 'token');
  writeFileSync(token, 'token');
  const words = ['start', 'bearing@1.1.0', '--dry-run', '--waves', waves];
  // Nothing listens at this port.
  const address = ['--url', 'http://127.0.0.1:1', '--token-file', token];
  await expect(rolloutCommand().parseAsync([...words, ...address], { from: 'user' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});
