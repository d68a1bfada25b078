import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { PemConverter, Pkcs10CertificateRequestGenerator } from '@peculiar/x509';

/** A device's key and its enrolment request for a token. */
export async function newDevice(deviceId: string, token: string) {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const csr = await Pkcs10CertificateRequestGenerator.create(
    { name: `CN=${deviceId}`, keys, signingAlgorithm: algorithm },
    webcrypto,
  );
  const document = Buffer.from(token.slice('covey1.'.length), 'base64url').toString();
  const { secret, trustDigest } = JSON.parse(document) as { secret: string; trustDigest: string };
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    keyPem: PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    request: { secret, deviceId, csrPem: csr.toString('pem'), tags: {}, trustDigest },
  };
}
