import type { IncomingMessage } from 'node:http';
import { CoveyError } from '@covey/protocol';

export interface Target {
  /** Path and query. */
  resource: string;
  /** Whom the client means: `name:port`. HTTP/1.0 need not say it. */
  host: string | undefined;
}

/**
 * What a request asks for. Proxies name it in full (`GET http://device:8000/v2 HTTP/1.1`), and then the name there counts, not
 * the Host header (RFC 9112, 3.2.2). Errors: INVALID_DOCUMENT (no Host header, or two, of which a proxy may have heeded the other).
 */
export function targetOf({ url = '', headers, rawHeaders, httpVersion }: IncomingMessage): Target {
  if (headers.host === undefined && httpVersion === '1.1')
    throw new CoveyError('INVALID_DOCUMENT', 'the request has no Host header');
  if (rawHeaders.filter(isHost).length > 1)
    throw new CoveyError('INVALID_DOCUMENT', 'the request has more than one Host header');
  if (url.startsWith('/')) return { resource: url, host: headers.host };
  const [whole, host] = /^https?:\/\/([^/?]*)/i.exec(url) ?? ['', headers.host];
  return { resource: url.slice(whole.length), host };
}

function isHost(name: string, index: number): boolean {
  return index % 2 === 0 && name.length === 4 && name.toLowerCase() === 'host';
}

/** The parts of the path of `resource`, decoded. Errors: INVALID_DOCUMENT (broken percent-encoding). */
export function pathOf(resource: string): string[] {
  const query = resource.indexOf('?');
  const path = query < 0 ? resource : resource.slice(0, query);
  const parts = path.slice(1).split('/');
  if (!path.includes('%')) return parts;
  try {
    return parts.map(decodeURIComponent);
  } catch (cause) {
    throw new CoveyError('INVALID_DOCUMENT', 'the address has broken percent-encoding', { cause });
  }
}

/** Errors: METHOD_NOT_ALLOWED when `method` is none of `allowed`. */
export function checkMethod(method: string, path: readonly string[], ...allowed: string[]): void {
  if (allowed.includes(method)) return;
  const address = `/${path.join('/')}`.slice(0, 200);
  throw new CoveyError(
    'METHOD_NOT_ALLOWED',
    `${address} takes ${allowed.join(' or ')}, not ${method.slice(0, 20)}`,
  );
}
