import { join } from 'node:path';
import { createKeyPair } from '@covey/bundle/tuf';
import type { Disk } from '@covey/ports';

/** The stored online key (PKCS #8 PEM, mode 0600); the first time a new one. It signs snapshot and timestamp, nothing else. */
export async function readOnlineKey(disk: Disk, folder: string): Promise<string> {
  const path = join(folder, 'online-key.pem');
  const stored = await disk.read(path);
  if (stored) return new TextDecoder().decode(stored);
  const { privateKeyPem } = createKeyPair('ed25519');
  await disk.write(path, new TextEncoder().encode(privateKeyPem));
  return privateKeyPem;
}
