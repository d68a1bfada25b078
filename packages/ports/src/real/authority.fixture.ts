import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const usages = { server: x509.ExtendedKeyUsage.serverAuth, client: x509.ExtendedKeyUsage.clientAuth };

export interface Credentials {
  certificate: string;
  key: string;
}

/** For tests: a certificate authority with certificates of any names and dates. */
export interface Authority {
  pem: string;
  self: Credentials;
  issue(options: {
    names?: string[];
    usage?: 'server' | 'client';
    from?: Date;
    to?: Date;
  }): Promise<Credentials>;
}

export async function makeAuthority(): Promise<Authority> {
  x509.cryptoProvider.set(webcrypto as Crypto);
  const keys = (await makeKeys()) as never as Parameters<
    typeof x509.X509CertificateGenerator.createSelfSigned
  >[0]['keys'];
  const names = new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test CA',
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true), names],
  });
  const pem = `${ca.toString('pem')}\n`;
  return {
    pem,
    self: { certificate: pem, key: await pemOf(keys.privateKey as never) },
    issue: async ({ names = [], usage = 'server', from = new Date(), to = new Date(Date.now() + 1e9) }) => {
      const own = await makeKeys();
      const alternatives = names.map((value) => ({
        type: isIP(value) ? ('ip' as const) : ('dns' as const),
        value,
      }));
      const certificate = await x509.X509CertificateGenerator.create({
        subject: 'CN=test',
        issuer: ca.subject,
        notBefore: from,
        notAfter: to,
        signingKey: keys.privateKey,
        publicKey: own.publicKey as never,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.ExtendedKeyUsageExtension([usages[usage]]),
          ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(alternatives)] : []),
        ],
      });
      return { certificate: `${certificate.toString('pem')}\n`, key: await pemOf(own.privateKey) };
    },
  };
}

function makeKeys() {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}
