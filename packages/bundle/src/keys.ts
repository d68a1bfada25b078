import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { CoveyError, canonicalJson, parseDocument, type TrustRoot, TrustRootSchema } from '@covey/protocol';
import { sha256 } from './digest.ts';

/** An Ed25519 key pair of a publisher. PKCS #8 and SPKI, PEM. `keyid` is the SHA-256 of the SPKI bytes. */
export interface PublisherKey {
  keyid: string;
  publicKeyPem: string;
  privateKeyPem: string;
}

export function createPublisherKey(): PublisherKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    keyid: keyIdOf(publicKey),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

export function keyIdOf(publicKey: KeyObject): string {
  return sha256(publicKey.export({ type: 'spki', format: 'der' }));
}

/** The bytes of a trust root that names `publicKeysPem`, in canonical JSON. Errors: INVALID_DOCUMENT for keys not Ed25519. */
export function trustRootOf(publicKeysPem: readonly string[]): Uint8Array {
  const keys = publicKeysPem.map((pem) => ({ keyid: keyIdOf(readPublicKey(pem)), publicKeyPem: pem }));
  keys.sort((a, b) => (a.keyid < b.keyid ? -1 : Number(a.keyid > b.keyid)));
  const bytes = new TextEncoder().encode(canonicalJson({ format: 'covey-trust/1', keys }));
  parseTrustRoot(bytes);
  return bytes;
}

/** Errors: WIRE_MALFORMED, PAYLOAD_TOO_LARGE; INVALID_DOCUMENT for a key that is not Ed25519 or has another's id, or comes twice. */
export function parseTrustRoot(bytes: Uint8Array): TrustRoot {
  const root = parseDocument(TrustRootSchema, bytes, 'trust root');
  for (const { keyid, publicKeyPem } of root.keys) {
    if (keyIdOf(readPublicKey(publicKeyPem)) !== keyid) {
      throw new CoveyError('INVALID_DOCUMENT', `trust root: ${keyid} is not the id of its key`);
    }
  }
  if (new Set(root.keys.map(({ keyid }) => keyid)).size < root.keys.length) {
    throw new CoveyError('INVALID_DOCUMENT', 'trust root: a key appears twice');
  }
  return root;
}

/** What an enrolment token carries so that a device can tell the true trust root: SHA-256 of its bytes. */
export function trustDigest(trustRootBytes: Uint8Array): string {
  return sha256(trustRootBytes);
}

/** Errors: INVALID_DOCUMENT unless `pem` is an Ed25519 public key and no more: a private key must not travel as one. */
export function readPublicKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    // Node derives the public key from a private one without being asked.
    if (!pem.startsWith('-----BEGIN PUBLIC KEY-----')) throw new Error('no PEM of a public key');
    key = createPublicKey(pem);
  } catch (cause) {
    throw new CoveyError('INVALID_DOCUMENT', 'publisher key: not a public key in PEM', { cause });
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new CoveyError('INVALID_DOCUMENT', `publisher key: must be Ed25519, not ${key.asymmetricKeyType}`);
  }
  return key;
}
