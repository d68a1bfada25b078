import { X509Certificate } from 'node:crypto';
import { CoveyError, checkDocument, DeviceIdSchema } from '@covey/protocol';
import type { CertificateAuthority, IssuedCertificate } from './authority.ts';
import { keyFingerprintOf } from './certificates.ts';
import type { CheckedRequest } from './request.ts';

/** Extended key usage of clients (RFC 5280, 4.2.1.12). */
const clientAuth = '1.3.6.1.5.5.7.3.2';
const chainMax = 4;

/** An enterprise's own authority for devices, beside the controller's. */
export interface DeviceAuthorityOptions {
  /** PEM of the certificates that devices' chains end at. */
  caPem: string;
  /** What of a certificate names the device: the common name, the first label of a DNS name, or the last part of a URI. */
  idFrom: 'cn' | 'dns' | 'uri';
  /** Has a certificate (PEM, with its chain) made for a request; absent: devices bring certificates that were made before. */
  issue?: (csrPem: string, device: string) => Promise<string>;
}

export interface DeviceAuthority {
  pem: string;
  /** Where it makes certificates when asked to. */
  issuing: CertificateAuthority | undefined;
  /** The device that a certificate of this authority names. Errors: INVALID_DOCUMENT. */
  deviceOf(certificate: X509Certificate): string;
  /** Takes a certificate that was made before. Errors: CA_FAILED when it is not of this authority, for this device, for this key. */
  accept(certificatePem: string, device: string, request: CheckedRequest): IssuedCertificate;
}

/** Errors: INVALID_ARGUMENT when `caPem` is not of authorities' certificates. */
export function openDeviceAuthority({ caPem, idFrom, issue }: DeviceAuthorityOptions): DeviceAuthority {
  const authorities = readAuthorities(caPem);
  const deviceOf = (certificate: X509Certificate) =>
    checkDocument(
      DeviceIdSchema,
      nameIn(certificate, idFrom)?.toLowerCase(),
      `device id in the certificate (${idFrom})`,
    );
  const accept: DeviceAuthority['accept'] = (certificatePem, device, request) => {
    const refused = (what: string) => new CoveyError('CA_FAILED', `the certificate of ${device} ${what}`);
    const [leaf, ...intermediates] = certificatesOf(certificatePem);
    if (!leaf) throw refused('is no certificate');
    if (!isIssuedBy(leaf, intermediates, authorities)) throw refused('is not of the device authority');
    if (leaf.ca || (leaf.keyUsage && !leaf.keyUsage.includes(clientAuth))) throw refused('is no client’s');
    if (keyFingerprintOf(leaf) !== request.keyFingerprint) throw refused('is for another key');
    if (deviceOf(leaf) !== device) throw refused(`names ${deviceOf(leaf)}`);
    return { pem: certificatePem, issuer: 'external' };
  };
  return {
    pem: caPem,
    deviceOf,
    accept,
    issuing: issue && {
      issueDevice: async (device, request) => accept(await issue(request.csrPem, device), device, request),
    },
  };
}

/** Signatures alone: dates are looked at where the certificate is used. */
function isIssuedBy(
  leaf: X509Certificate,
  intermediates: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  depth = 0,
): boolean {
  const isOf = (issuer: X509Certificate) =>
    issuer.ca && leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey);
  if (authorities.some(isOf)) return true;
  if (depth >= chainMax) return false;
  return intermediates.some(
    (issuer) => isOf(issuer) && isIssuedBy(issuer, intermediates, authorities, depth + 1),
  );
}

function nameIn(
  { subject, subjectAltName }: X509Certificate,
  idFrom: DeviceAuthorityOptions['idFrom'],
): string | undefined {
  if (idFrom === 'cn') return /^CN=(.*)$/m.exec(subject)?.[1];
  if (idFrom === 'dns') return /(?:^|, )DNS:([^.,]+)/.exec(subjectAltName ?? '')?.[1];
  return /(?:^|, )URI:[^,]*\/([^/,]+)(?:,|$)/.exec(subjectAltName ?? '')?.[1];
}

/**
 * The certificates of a file that is to name authorities. Errors: INVALID_ARGUMENT when there is none, one of no authority, or a
 * private key, which would be handed on with them.
 */
export function readAuthorities(pem: string): X509Certificate[] {
  const refused = (why: string, cause?: unknown) =>
    new CoveyError('INVALID_ARGUMENT', `the authority ${why}`, { cause });
  if (pem.includes('PRIVATE KEY-----'))
    throw refused('has its private key beside it: give the certificate alone');
  let certificates: X509Certificate[];
  try {
    certificates = certificatesOf(pem);
  } catch (cause) {
    throw refused('is a damaged certificate', cause);
  }
  if (certificates.length === 0) throw refused('is no certificate (PEM)');
  if (!certificates.every(({ ca }) => ca)) throw refused('is a certificate, but of no authority');
  return certificates;
}

function certificatesOf(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
