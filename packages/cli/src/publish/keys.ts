import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createKeyPair, type KeyType, pemSigner, type Signer } from '@covey/bundle/tuf';
import { CoveyError, toCoveyError } from '@covey/protocol';

/** Where a publisher's private keys lie: beside, never inside, the controller's folder. */
export function publisherKeyPath(dataFolder: string, role: 'root' | 'targets'): string {
  return join(dataFolder, 'publisher', `${role}.pem`);
}

/** The root that a publisher began with: what it signs over is verified from it. Public. */
export function publisherRootPath(dataFolder: string): string {
  return join(dataFolder, 'publisher', 'root.json');
}

export function keepRoot(dataFolder: string, root: Uint8Array): void {
  const path = publisherRootPath(dataFolder);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, root);
}

/** The environment variable that holds the passphrase of encrypted key files. */
export const passphraseVariable = 'COVEY_KEY_PASSPHRASE';

export function passphraseOf(environment: NodeJS.ProcessEnv): string | undefined {
  return environment[passphraseVariable];
}

/** A key in a file (PKCS #8 PEM). Errors: NOT_FOUND, KEY_UNUSABLE. */
export function fileSigner(path: string): Signer {
  return pemSigner(readKeyFile(path), passphraseOf(process.env));
}

/** Errors: KEY_UNUSABLE. */
export function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(cause);
    throw new CoveyError('KEY_UNUSABLE', `cannot read the key ${path}, which --key may name: ${why}`, {
      cause,
    });
  }
}

interface KeyFiles {
  privatePath: string;
  publicPath: string;
}

/** Makes a key pair: the private key (mode 0600) and `.pub.pem` beside it. Errors: CONFLICT when the file is there. */
export function createKeyFiles(path: string, type: KeyType, passphrase?: string): KeyFiles {
  if (existsSync(path))
    throw new CoveyError('CONFLICT', `${path} is there already; a key is never overwritten`);
  const publicPath = `${path.replace(/\.pem$/, '')}.pub.pem`;
  const key = createKeyPair(type, passphrase);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(publicPath, key.publicKeyPem);
    // Last, because its presence says that the pair is complete.
    writeFileSync(path, key.privateKeyPem, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    throw toCoveyError(cause, 'DATA_FOREIGN');
  }
  return { privatePath: path, publicPath };
}

/** The signer of a key file, which is made when it is not there. */
export function ensureKeyFile(path: string): Signer {
  if (!existsSync(path)) createKeyFiles(path, 'ed25519');
  return fileSigner(path);
}
