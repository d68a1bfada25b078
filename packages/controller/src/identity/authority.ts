import 'reflect-metadata';
import { createHash, createPrivateKey, X509Certificate as NodeCertificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Random } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { CheckedRequest } from './request.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
const authorityDays = 20 * 365;
const serverDays = 2 * 365;
const deviceDays = 365;
/** Clocks of devices that were just switched on lag: certificates hold from an hour before they were made. */
const backdateMs = 3_600_000;

/** PEM texts of the CA as they are stored. */
export interface AuthorityFiles {
  certificate: string;
  key: string;
}

export interface IssuedCertificate {
  pem: string;
  /** Name of who signed it: the fingerprint of the controller's own authority, or `external`. */
  issuer: string;
}

/** Who makes the certificates of devices: the controller itself, or an enterprise's own authority. */
export interface CertificateAuthority {
  /** A certificate for the device's common name, good for clients only. Errors: CA_FAILED. */
  issueDevice(device: string, request: CheckedRequest, now: number): Promise<IssuedCertificate>;
}

/** The controller's own certificate authority (P-256, ECDSA with SHA-256; RFC 5280). */
export interface OwnAuthority extends CertificateAuthority {
  pem: string;
  /** SHA-256 of the certificate's DER, hex. */
  fingerprint: string;
  issueServer(names: readonly string[], now: number): Promise<{ certificate: string; key: string }>;
}

export async function createAuthorityFiles(random: Random, now: number): Promise<AuthorityFiles> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(random),
    name: 'CN=Covey controller CA',
    ...validity(now, authorityDays),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await privateKeyPem(keys.privateKey) };
}

/** Errors: DATA_CORRUPT when the files are no certificate and key. */
export async function openAuthority(files: AuthorityFiles, random: Random): Promise<OwnAuthority> {
  const { certificate, signingKey } = await parseFiles(files);
  const issue = async (
    subject: string,
    publicKey: CryptoKey | CheckedRequest['publicKey'],
    days: number,
    now: number,
    extensions: Extension[],
  ) =>
    X509CertificateGenerator.create({
      serialNumber: serialNumber(random),
      subject,
      issuer: certificate.subject,
      ...validity(now, days),
      signingAlgorithm: algorithm,
      signingKey,
      publicKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        await AuthorityKeyIdentifierExtension.create(certificate.publicKey),
        ...extensions,
      ],
    });
  const fingerprint = createHash('sha256').update(new Uint8Array(certificate.rawData)).digest('hex');
  return {
    pem: files.certificate,
    fingerprint,
    issueServer: async (names, now) => {
      const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const alternatives = names.map((value) => ({
        type: isIP(value) ? ('ip' as const) : ('dns' as const),
        value,
      }));
      const issued = await issue('CN=Covey controller', keys.publicKey, serverDays, now, [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(alternatives),
      ]);
      return { certificate: `${issued.toString('pem')}\n`, key: await privateKeyPem(keys.privateKey) };
    },
    issueDevice: async (device, { publicKey }, now) => {
      const usage = new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]);
      const issued = await issue(`CN=${device}`, publicKey, deviceDays, now, [usage]);
      return { pem: `${issued.toString('pem')}\n`, issuer: fingerprint };
    },
  };
}

async function parseFiles({ certificate, key }: AuthorityFiles) {
  try {
    const [der] = PemConverter.decode(key);
    if (!der) throw new Error('no PEM block in the key');
    const signingKey = await crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
    if (!new NodeCertificate(certificate).checkPrivateKey(createPrivateKey(key)))
      throw new Error('the key is not the one of the certificate');
    return { certificate: new X509Certificate(certificate), signingKey };
  } catch (cause) {
    throw new CoveyError('DATA_CORRUPT', 'the certificate authority (folder ca) cannot be read', { cause });
  }
}

/** 127 random bits, positive (RFC 5280, 4.1.2.2). */
function serialNumber(random: Random): string {
  const bytes = random.bytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function validity(now: number, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - backdateMs), notAfter: new Date(now + days * dayMs) };
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  return `${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}
