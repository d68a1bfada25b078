import { join } from 'node:path';
import { createKeyPair, pemSigner, type Signer } from '@covey/bundle/tuf';
import type { Disk } from '@covey/ports';
import { CoveyError } from '@covey/protocol';

/**
 * Signs snapshot and timestamp, nothing else, with the stored online key (PKCS #8 PEM, mode 0600); the first time with a new one.
 * Errors: DATA_CORRUPT.
 */
export async function openOnlineKey(disk: Disk, folder: string): Promise<Signer> {
  const path = join(folder, 'online-key.pem');
  const stored = await disk.read(path);
  if (stored) {
    try {
      return pemSigner(new TextDecoder().decode(stored));
    } catch (cause) {
      throw new CoveyError('DATA_CORRUPT', `${path} holds no private key in PEM`, { cause });
    }
  }
  const { privateKeyPem } = createKeyPair('ed25519');
  await disk.write(path, new TextEncoder().encode(privateKeyPem));
  return pemSigner(privateKeyPem);
}
