import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { CoveyError } from '@covey/protocol';
import { sha256 } from '../digest.ts';
import { canonicalBytes } from './canonical.ts';
import type { TufKey } from './documents.ts';

/** What signs metadata: a key in memory, or something that holds it elsewhere (a command, an HSM, a KMS). */
export interface Signer {
  key: TufKey;
  /** Ed25519: 64 bytes. ECDSA P-256 over SHA-256: DER. Errors: KEY_UNUSABLE. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

export type KeyType = 'ed25519' | 'ecdsa-p256';

/** A key pair as PEM: SPKI and PKCS #8, the latter encrypted (AES-256) where a passphrase is given. */
export function createKeyPair(
  type: KeyType,
  passphrase?: string,
): { publicKeyPem: string; privateKeyPem: string } {
  const { publicKey, privateKey } =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  return {
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption }).toString(),
  };
}

/** Errors: KEY_UNUSABLE for what is no private key of a kind that signs here, or a wrong or missing passphrase. */
export function pemSigner(privateKeyPem: string, passphrase?: string): Signer {
  const privateKey = readPrivateKey(privateKeyPem, passphrase);
  const key = tufKeyOf(createPublicKey(privateKey));
  return { key, sign: async (bytes) => sign(digestFor(key), bytes, privateKey) };
}

function readPrivateKey(pem: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(passphrase !== undefined && { passphrase }) });
  } catch (cause) {
    const isEncrypted = pem.includes('ENCRYPTED');
    const why = isEncrypted ? 'its passphrase is missing or wrong' : 'it is no private key in PEM';
    throw new CoveyError('KEY_UNUSABLE', `the key cannot be read: ${why}`, { cause });
  }
}

/** Errors: KEY_UNUSABLE unless `pem` is an Ed25519 or P-256 public key and no more: a private key must not travel as one. */
export function readPublicKey(pem: string): TufKey {
  if (!pem.trimStart().startsWith('-----BEGIN PUBLIC KEY-----'))
    throw new CoveyError('KEY_UNUSABLE', 'not a public key in PEM');
  try {
    return tufKeyOf(createPublicKey(pem));
  } catch (cause) {
    if (cause instanceof CoveyError) throw cause;
    throw new CoveyError('KEY_UNUSABLE', 'not a public key in PEM', { cause });
  }
}

/** A public key as TUF writes it (section 4.2). */
function tufKeyOf(publicKey: KeyObject): TufKey {
  if (publicKey.asymmetricKeyType === 'ed25519') {
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: raw.toString('hex') } };
  }
  if (publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1') {
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    return { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: pem } };
  }
  throw new CoveyError('KEY_UNUSABLE', 'a key must be Ed25519 or ECDSA P-256');
}

/** Section 4.2: the SHA-256 of the key's canonical form. Keys in metadata may have other ids, which are only names there. */
export function keyIdOf(key: TufKey): string {
  return sha256(canonicalBytes(key));
}

/** Whether `signature` (hex) is one by `key` over `bytes`. What cannot be a key or a signature is none. */
export function isSignedBy(key: TufKey, bytes: Uint8Array, signature: string): boolean {
  try {
    if (signature === '' || !/^[0-9a-f]+$/i.test(signature)) return false;
    return verify(digestFor(key), bytes, verifyingKey(key), Buffer.from(signature, 'hex'));
  } catch {
    // A key that Node cannot read has signed nothing.
    return false;
  }
}

/** What is the same for the same public key, however it is written: two spellings are not two signers. */
export function keyIdentity(key: TufKey): string {
  try {
    return publicKeyOf(key).export({ type: 'spki', format: 'der' }).toString('hex');
  } catch {
    return key.keyval.public;
  }
}

function digestFor({ scheme }: TufKey): string | null {
  return scheme === 'ed25519' ? null : 'sha256';
}

function verifyingKey(key: TufKey): KeyObject | { key: KeyObject; padding: number; saltLength: number } {
  const publicKey = publicKeyOf(key);
  if (key.scheme !== 'rsassa-pss-sha256') return publicKey;
  const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_AUTO: saltLength } = constants;
  return { key: publicKey, padding, saltLength };
}

/** DER of an Ed25519 public key (RFC 8410) up to its 32 bytes. */
const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex');

function publicKeyOf({ scheme, keyval }: TufKey): KeyObject {
  const isRawHex = /^[0-9a-f]{64}$/i.test(keyval.public);
  const key =
    scheme === 'ed25519' && isRawHex
      ? createPublicKey({
          key: Buffer.concat([ed25519Prefix, Buffer.from(keyval.public, 'hex')]),
          format: 'der',
          type: 'spki',
        })
      : createPublicKey(keyval.public);
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const fits =
    (scheme === 'ed25519' && type === 'ed25519') ||
    (scheme === 'ecdsa-sha2-nistp256' && details?.namedCurve === 'prime256v1') ||
    (scheme === 'rsassa-pss-sha256' && type === 'rsa');
  if (!fits) throw new CoveyError('KEY_UNUSABLE', `a key of scheme ${scheme} is of type ${type}`);
  return key;
}
