import { X509Certificate } from 'node:crypto';
import { isIP, isIPv6, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { CoveyError } from '@covey/protocol';
import type { ClientTls, FetchRequest } from '../ports.ts';
import { type HttpProxy, isProxied, tunnel } from './proxy.ts';

/** Extended key usage of servers (RFC 5280, 4.2.1.12). */
const serverAuth = '1.3.6.1.5.5.7.3.1';

export interface TlsTarget {
  host: string;
  port: number;
  tls: FetchRequest['tls'];
  proxy: HttpProxy | undefined;
  signal: AbortSignal;
}

/**
 * A TLS connection to a server that has proven to be the controller's. Errors: CA_MISMATCH, UNREACHABLE, PROXY_REFUSED,
 * PROXY_UNREACHABLE, and TIMEOUT when `signal` aborts.
 */
export async function connectTls({ host, port, tls, proxy, signal }: TlsTarget): Promise<TLSSocket> {
  const address = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
  try {
    const through: Socket | undefined =
      proxy && isProxied(proxy, host) ? await tunnel(proxy, host, port, signal) : undefined;
    const socket = connect({
      ...(through ? { socket: through } : { host, port }),
      ...(isIP(host) ? {} : { servername: host }),
      ...trustOptions(tls),
    });
    await secured(socket, address, signal);
    if (tls && 'ca' in tls) checkServer(socket, host, tls);
    return socket;
  } catch (error) {
    if (error instanceof CoveyError) throw error;
    if (signal.aborted)
      throw new CoveyError('TIMEOUT', `${address} did not answer in time`, { cause: error });
    throw new CoveyError('UNREACHABLE', `cannot reach ${address}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** What is pinned is judged by `checkServer`: the clock of a device is not what decides. */
function trustOptions(tls: FetchRequest['tls']) {
  if (!tls) return { rejectUnauthorized: true };
  if (!('ca' in tls)) return { rejectUnauthorized: false };
  return { ca: tls.ca, cert: tls.certificate, key: tls.key, rejectUnauthorized: false };
}

function checkServer(socket: TLSSocket, host: string, tls: ClientTls): void {
  try {
    checkServerCertificate(socket.getPeerX509Certificate(), host, tls);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function secured(socket: TLSSocket, address: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown) => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', settle).off('close', onClose);
      if (error === undefined) return resolve();
      socket.on('error', () => {}).destroy();
      reject(error);
    };
    const onAbort = () => settle(signal.reason);
    const onClose = () => settle(new CoveyError('UNREACHABLE', `${address} closed the connection`));
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) return onAbort();
    socket
      .once('secureConnect', () => settle())
      .once('error', settle)
      .once('close', onClose);
  });
}

/**
 * Whether this is a server of the authority that `tls.ca` pins, for `host`. The dates are not compared with this machine's
 * clock, which may be decades off, but with what is known for certain: time has passed the day on which the own certificate
 * was made. Errors: CA_MISMATCH.
 */
function checkServerCertificate(
  certificate: X509Certificate | undefined,
  host: string,
  tls: ClientTls,
): void {
  const mismatch = (what: string) => new CoveyError('CA_MISMATCH', `${host} shows ${what}`);
  if (!certificate) throw mismatch('no certificate');
  const authorities = certificatesOf(tls.ca);
  const isSigned = authorities.some((ca) => certificate.checkIssued(ca) && certificate.verify(ca.publicKey));
  if (!isSigned) throw mismatch("a certificate that is not of the controller's authority");
  if (certificate.ca || (certificate.keyUsage && !certificate.keyUsage.includes(serverAuth)))
    throw mismatch('a certificate that is no server’s');
  const isNamed = isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host);
  if (isNamed === undefined) throw mismatch(`a certificate for other names (${certificate.subjectAltName})`);
  const knownTime = tls.certificate && new X509Certificate(tls.certificate).validFromDate;
  if (knownTime && certificate.validToDate < knownTime)
    throw mismatch(`a certificate that ended on ${certificate.validToDate.toISOString()}`);
}

/** Every certificate of a PEM text. */
function certificatesOf(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
