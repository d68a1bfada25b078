import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createPublisherKey } from '@covey/bundle';
import { CoveyError, toCoveyError } from '@covey/protocol';

/** Where the publisher's private key lies beside, never inside, the controller's folder. */
export function publisherKeyPath(dataFolder: string): string {
  return join(dataFolder, 'publisher', 'key.pem');
}

export function readPublisherKey(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CoveyError('NOT_FOUND', `cannot read the publisher key ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Makes the key pair unless it is there: `key.pem` (mode 0600) and `key.pub.pem`. Returns the public key. */
export function ensurePublisherKey(path: string): string {
  const publicPath = path.replace(/\.pem$/, '.pub.pem');
  if (existsSync(path)) return readFileSync(publicPath, 'utf8');
  const key = createPublisherKey();
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(publicPath, key.publicKeyPem);
    // Last, because its presence says that the pair is complete.
    writeFileSync(path, key.privateKeyPem, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    throw toCoveyError(cause, 'DATA_FOREIGN');
  }
  return key.publicKeyPem;
}
