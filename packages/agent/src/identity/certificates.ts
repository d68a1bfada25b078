import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  webcrypto,
  X509Certificate,
} from 'node:crypto';
import { CoveyError } from '@covey/protocol';

/** A fresh P-256 key, as PKCS #8 in PEM. */
export function makeKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A request (PKCS #10, RFC 2986) for a certificate with common name `deviceId` for the key. */
export async function makeRequest(deviceId: string, keyPem: string): Promise<string> {
  // Loaded here so that the daemon, which makes one a year, does not hold them.
  await import('reflect-metadata');
  const { Pkcs10CertificateRequestGenerator, cryptoProvider } = await import('@peculiar/x509');
  cryptoProvider.set(webcrypto as Crypto);
  const key = createPrivateKey(keyPem);
  const algorithm = algorithmOf(key);
  const privateKey = key.toCryptoKey(algorithm, true, ['sign']);
  const publicKey = createPublicKey(key).toCryptoKey(algorithm, true, ['verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${deviceId}`,
    keys: { privateKey, publicKey } as never,
    signingAlgorithm: algorithm,
  });
  return request.toString('pem');
}

/** How a key signs (RFC 5480, RFC 8017). Errors: UNSUPPORTED. */
function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject) {
  if (asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const curves: Record<string, [curve: string, hash: string]> = {
    prime256v1: ['P-256', 'SHA-256'],
    secp384r1: ['P-384', 'SHA-384'],
  };
  const [namedCurve, hash] = curves[asymmetricKeyDetails?.namedCurve ?? ''] ?? [];
  if (!namedCurve || !hash)
    throw new CoveyError('UNSUPPORTED', 'the key of a device is RSA, or on the curve P-256 or P-384');
  return { name: 'ECDSA', namedCurve, hash };
}

/** SHA-256 of a certificate's DER, in hex. Throws on anything that is no PEM certificate. */
export function fingerprintOf(certificatePem: string | Uint8Array): string {
  const certificate = new X509Certificate(Buffer.from(certificatePem));
  return createHash('sha256').update(certificate.raw).digest('hex');
}

/** Whether the certificate is for this key. Who signed it is the controller's to judge, which an enterprise's authority may do for it. */
export function isCertificateFor(certificatePem: string, keyPem: string): boolean {
  return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
}
