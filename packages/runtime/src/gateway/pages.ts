import type { IncomingHttpHeaders } from 'node:http';
import { isIPv4 } from 'node:net';
import { CoveyError } from '@covey/protocol';

/** Which pages in a browser on this machine may call: to the network they are programs of this machine. */
export interface Pages {
  /** Headers for the answer, by which a browser lets the page read it. Errors: FORBIDDEN. */
  admit(headers: IncomingHttpHeaders, host: string | undefined): Record<string, string>;
}

/** How long a browser remembers what it was told of an origin. */
const preflightSeconds = 600;

/**
 * For an address that is reached without a token. `host` is the one listened on; `origins` as in `https://panel.example:3000`.
 * Refused is what a browser says comes from another origin, and what came by a name that is none of this machine's: who owns
 * a name can let it point here once the page is loaded (DNS rebinding). Programs send neither.
 */
export function createPages(host: string, origins: readonly string[]): Pages {
  const hosts = new Set([host, ...origins.map((origin) => new URL(origin).hostname)]);
  return {
    admit: (headers, named) => {
      const { origin } = headers;
      const site = headers['sec-fetch-site'];
      if (named !== undefined && !isOwnName(named, hosts)) {
        throw refusal(`${named.slice(0, 200)} is no name of this machine`);
      }
      const isAllowed = origin !== undefined && origins.includes(origin);
      if (isAllowed) return corsHeaders(origin);
      const isOwn = origin === undefined || (named !== undefined && origin === `http://${named}`);
      const isForeign = site === 'cross-site' || site === 'same-site';
      if (!isOwn || isForeign)
        throw refusal(`pages of ${(origin ?? 'other sites').slice(0, 200)} may not call`);
      return {};
    },
  };
}

/** `named`: a Host header. */
function isOwnName(named: string, hosts: ReadonlySet<string>): boolean {
  const name = named.replace(/:\d*$/, '').toLowerCase();
  const isLocal = name === 'localhost' || name.endsWith('.localhost') || name === '[::1]';
  return isLocal || hosts.has(name) || (isIPv4(name) && name.startsWith('127.'));
}

/** See https://fetch.spec.whatwg.org/#http-cors-protocol. */
function corsHeaders(origin: string): Record<string, string> {
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET, POST',
    'access-control-allow-headers': '*',
    'access-control-expose-headers': '*',
    'access-control-max-age': String(preflightSeconds),
    vary: 'origin',
  };
}

function refusal(message: string): CoveyError {
  return new CoveyError('FORBIDDEN', `${message}: see --allow-origin of covey agent`);
}
