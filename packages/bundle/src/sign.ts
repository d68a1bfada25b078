import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import {
  CoveyError,
  canonicalJson,
  checkDocument,
  type Envelope,
  EnvelopeSchema,
  limits,
  type Manifest,
  parseJson,
  type TrustRoot,
} from '@covey/protocol';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { sha256 } from './digest.ts';
import { keyIdOf, readPublicKey } from './keys.ts';
import { checkManifest, encodeManifest, parseManifest } from './manifest.ts';

const payloadType = 'application/vnd.covey.bundle+json' satisfies Envelope['payloadType'];
/** Base64 takes 4/3, and there is room for the signatures. */
const envelopeBytes = limits.manifestBytes * 2;

/**
 * The DSSE envelope of a manifest as bytes: canonical JSON, and Ed25519 is deterministic, so equal manifests and keys
 * give equal bytes. `digest` is the SHA-256 of the payload and the identity of the version.
 * Errors: INVALID_DOCUMENT for a manifest that no device would accept or a key that is not Ed25519; PAYLOAD_TOO_LARGE.
 */
export function signManifest(
  manifest: Manifest,
  privateKeyPem: string,
): { envelope: Uint8Array; digest: string } {
  const privateKey = readPrivateKey(privateKeyPem);
  const payload = encodeManifest(checkManifest(manifest));
  const envelope: Envelope = {
    payloadType,
    payload: encodeBase64(payload),
    signatures: [
      {
        keyid: keyIdOf(createPublicKey(privateKey)),
        sig: encodeBase64(sign(null, preAuthenticationEncoding(payload), privateKey)),
      },
    ],
  };
  return { envelope: new TextEncoder().encode(canonicalJson(envelope)), digest: sha256(payload) };
}

/**
 * The manifest in an envelope, if a key of the trust root signed it: one valid signature is enough, signatures by other
 * keys are passed over (DSSE protocol, "Verification"). Nothing in the payload is read before. Errors: BUNDLE_SIGNATURE
 * (unknown key, bad signature, foreign payload type, tampered payload); WIRE_MALFORMED, PAYLOAD_TOO_LARGE,
 * INVALID_DOCUMENT (envelope or manifest not well-formed, or a manifest that contradicts itself).
 */
export function verifyEnvelope(
  envelope: Uint8Array,
  trustRoot: TrustRoot,
): { manifest: Manifest; digest: string } {
  const document = parseJson(envelope, 'bundle envelope', envelopeBytes);
  const declared = (document as { payloadType?: unknown } | null)?.payloadType;
  if (typeof declared === 'string' && declared !== payloadType) {
    throw new CoveyError('BUNDLE_SIGNATURE', `bundle envelope: the payload type is not ${payloadType}`);
  }
  const { payload, signatures } = checkDocument(EnvelopeSchema, document, 'bundle envelope');
  const bytes = decodeBase64(payload);
  if (bytes === undefined) {
    throw new CoveyError('BUNDLE_SIGNATURE', 'bundle envelope: the payload is not base64');
  }
  const keys = new Map(trustRoot.keys.map(({ keyid, publicKeyPem }) => [keyid, publicKeyPem]));
  const signed = preAuthenticationEncoding(bytes);
  let known = false;
  for (const { keyid, sig } of signatures) {
    const publicKeyPem = keys.get(keyid);
    if (publicKeyPem === undefined) continue;
    known = true;
    const signature = decodeBase64(sig);
    if (signature && verify(null, signed, readPublicKey(publicKeyPem), signature)) {
      return { manifest: parseManifest(bytes), digest: sha256(bytes) };
    }
  }
  throw new CoveyError(
    'BUNDLE_SIGNATURE',
    known
      ? 'bundle: the signature does not match what was signed'
      : 'bundle: signed by no key of the trust root',
  );
}

/**
 * DSSE v1 PAE (github.com/secure-systems-lab/dsse, protocol.md): "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body,
 * LEN the number of bytes in decimal.
 */
export function preAuthenticationEncoding(payload: Uint8Array, type: string = payloadType): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.byteLength} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

function readPrivateKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new CoveyError('INVALID_DOCUMENT', 'publisher key: not a private key in PEM', { cause });
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new CoveyError('INVALID_DOCUMENT', `publisher key: must be Ed25519, not ${key.asymmetricKeyType}`);
  }
  return key;
}
