import { createHash, createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';

/** A fresh P-256 key and the request for a certificate with common name `deviceId`. The key is PKCS #8. */
export async function makeKeyAndRequest(deviceId: string): Promise<{ keyPem: string; csrPem: string }> {
  // Loaded here so that the daemon, which never makes a request, does not hold them.
  await import('reflect-metadata');
  const { Pkcs10CertificateRequestGenerator, cryptoProvider } = await import('@peculiar/x509');
  cryptoProvider.set(webcrypto as Crypto);
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${deviceId}`,
    keys: keys as Parameters<typeof Pkcs10CertificateRequestGenerator.create>[0]['keys'],
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  const key = createPrivateKey({
    key: Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)),
    format: 'der',
    type: 'pkcs8',
  });
  return { keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(), csrPem: request.toString('pem') };
}

/** SHA-256 of a certificate's DER, in hex. Throws on anything that is no PEM certificate. */
export function fingerprintOf(certificatePem: string | Uint8Array): string {
  const certificate = new X509Certificate(Buffer.from(certificatePem));
  return createHash('sha256').update(certificate.raw).digest('hex');
}

/** Whether the certificate is for this key, names this device and is signed by this CA. Dates are not looked at: the device's clock may be wrong. */
export function isCertificateFor(
  certificatePem: string,
  expected: { keyPem: string; deviceId: string; caPem: string },
): boolean {
  const certificate = new X509Certificate(certificatePem);
  return (
    certificate.checkPrivateKey(createPrivateKey(expected.keyPem)) &&
    certificate.subject.split('\n').includes(`CN=${expected.deviceId}`) &&
    certificate.verify(new X509Certificate(expected.caPem).publicKey)
  );
}
