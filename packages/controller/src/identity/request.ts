import { createHash } from 'node:crypto';
import { CoveyError } from '@covey/protocol';
import { Pkcs10CertificateRequest } from '@peculiar/x509';

/** A certificate request whose sender holds its key. */
export interface CheckedRequest {
  csrPem: string;
  publicKey: Pkcs10CertificateRequest['publicKey'];
  /** SHA-256 of the public key (SPKI), hex. */
  keyFingerprint: string;
}

/**
 * The key of a PKCS#10 request (RFC 2986), once its signature shows that the sender holds it. The subject in it is ignored.
 * `anyKey`: the key was somebody else's choice, who has certified it.
 * Errors: INVALID_DOCUMENT.
 */
export async function checkRequest(csrPem: string, { anyKey = false } = {}): Promise<CheckedRequest> {
  const request = parseRequest(csrPem);
  const { publicKey } = request;
  const used = publicKey.algorithm as { name: string; namedCurve?: string };
  if (!anyKey && (used.name !== 'ECDSA' || used.namedCurve !== 'P-256'))
    throw new CoveyError('INVALID_DOCUMENT', 'csrPem: the key is not an ECDSA key on P-256');
  const isSigned = await request.verify().catch(() => false);
  if (!isSigned) throw new CoveyError('INVALID_DOCUMENT', 'csrPem: the signature is not that of its key');
  const keyFingerprint = createHash('sha256').update(new Uint8Array(publicKey.rawData)).digest('hex');
  return { csrPem, publicKey, keyFingerprint };
}

function parseRequest(csrPem: string): Pkcs10CertificateRequest {
  try {
    return new Pkcs10CertificateRequest(csrPem);
  } catch (cause) {
    throw new CoveyError('INVALID_DOCUMENT', 'csrPem: not a certificate request', { cause });
  }
}
