import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

type Keys = Parameters<typeof x509.X509CertificateGenerator.createSelfSigned>[0]['keys'];
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** For tests: a certificate authority that signs any request. */
export interface TestAuthority {
  caPem: string;
  /** From which another process makes the same authority. */
  text: string;
  certify(device: string, csrPem: string): Promise<string>;
}

export async function makeAuthority(): Promise<TestAuthority> {
  x509.cryptoProvider.set(webcrypto as Crypto);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test CA',
    keys: keys as Keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const privateKey = await webcrypto.subtle.exportKey('jwk', keys.privateKey);
  return authorityFrom(JSON.stringify({ caPem: ca.toString('pem'), privateKey }));
}

export async function authorityFrom(text: string): Promise<TestAuthority> {
  x509.cryptoProvider.set(webcrypto as Crypto);
  const { caPem, privateKey } = JSON.parse(text) as { caPem: string; privateKey: webcrypto.JsonWebKey };
  const signingKey = await webcrypto.subtle.importKey('jwk', privateKey, algorithm, false, ['sign']);
  const issuer = new x509.X509Certificate(caPem).subject;
  return {
    caPem,
    text,
    certify: async (device, csrPem) => {
      const { publicKey } = new x509.Pkcs10CertificateRequest(csrPem);
      const certificate = await x509.X509CertificateGenerator.create({
        subject: `CN=${device}`,
        issuer,
        signingKey: signingKey as never,
        publicKey,
        signingAlgorithm: algorithm,
      });
      return certificate.toString('pem');
    },
  };
}
