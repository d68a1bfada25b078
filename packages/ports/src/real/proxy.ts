import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { CoveyError } from '@covey/protocol';

/** An HTTP proxy that lets TLS connections through (CONNECT, RFC 9110, 9.3.6). */
export interface HttpProxy {
  /** http:// or https://, without credentials. */
  url: string;
  credentials?: { user: string; password: string };
  /** Hosts reached without it: `example.com` and all below it, an address, or `*`. */
  bypass: readonly string[];
}

/** Whether connections to `host` go through the proxy. */
export function isProxied(proxy: HttpProxy, host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  return !proxy.bypass.some((entry) => {
    const pattern = entry
      .trim()
      .toLowerCase()
      .replace(/^\*?\./, '');
    return pattern === '*' || (pattern !== '' && (name === pattern || name.endsWith(`.${pattern}`)));
  });
}

/**
 * A connection to `host` that the proxy made. Errors: PROXY_REFUSED (it wants other credentials, or does not let this
 * through), PROXY_UNREACHABLE; whatever `signal` aborts with.
 */
export function tunnel(proxy: HttpProxy, host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const url = new URL(proxy.url);
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port || (url.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...authorization(proxy) },
      agent: false,
      signal,
    });
    const refused = (status: number | undefined) =>
      reject(new CoveyError('PROXY_REFUSED', refusalOf(proxy, target, status)));
    request.once('connect', ({ statusCode }, socket: Socket, head: Buffer) => {
      if (statusCode !== 200) {
        socket.destroy();
        return refused(statusCode);
      }
      if (head.byteLength > 0) socket.unshift(head);
      resolve(socket);
    });
    request.once('response', ({ statusCode }) => {
      request.destroy();
      refused(statusCode);
    });
    request.once('error', (cause) =>
      reject(
        signal.aborted
          ? signal.reason
          : new CoveyError('PROXY_UNREACHABLE', `cannot reach the proxy ${proxy.url}: ${cause.message}`, {
              cause,
            }),
      ),
    );
    request.end();
  });
}

function authorization({ credentials }: HttpProxy): Record<string, string> {
  if (!credentials) return {};
  const text = Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64');
  return { 'proxy-authorization': `Basic ${text}` };
}

function refusalOf({ url, credentials }: HttpProxy, target: string, status: number | undefined): string {
  if (status !== 407) return `the proxy ${url} does not let ${target} through (status ${status})`;
  return credentials
    ? `the proxy ${url} does not take its user name and password`
    : `the proxy ${url} wants a user name and a password`;
}
