import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InferenceAccess, localCaller } from '@covey/protocol';

/** Access of this machine alone, whose programs may load and unload models. */
export async function administratorFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'covey-administrator-'));
  const access: InferenceAccess = {
    tokensPath: join(folder, 'tokens.json'),
    usagePath: join(folder, 'usage.json'),
  };
  await writeFile(access.tokensPath, JSON.stringify([{ name: localCaller, admin: true }]), { mode: 0o600 });
  return { access, remove: () => rm(folder, { recursive: true }) };
}
