import type { RequestOptions } from 'node:http';
import { Agent } from 'node:https';
import type { Duplex } from 'node:stream';
import { CoveyError } from '@covey/protocol';
import type { FetchRequest } from '../ports.ts';
import type { HttpProxy } from './proxy.ts';
import { connectTls } from './tls.ts';

/** From the first packet to the end of the TLS handshake, a proxy's answer included. */
const connectTimeoutMs = 30_000;

/** What Node hands on to `createConnection`. Its own `signal` it keeps for itself, and then waits for the connection all the same. */
interface ConnectionWishes {
  trust?: FetchRequest['tls'];
  ended?: AbortSignal;
}

/** Opens connections by `connectTls`; those it keeps are told apart by authority, certificate and key. */
export class TlsAgent extends Agent {
  readonly #proxy: HttpProxy | undefined;

  constructor(proxy: HttpProxy | undefined, keepAlive: boolean) {
    super({ keepAlive });
    this.#proxy = proxy;
  }

  override createConnection(
    { host, port, trust, ended }: RequestOptions & ConnectionWishes,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const tooLong = AbortSignal.timeout(connectTimeoutMs);
    const signal = ended ? AbortSignal.any([tooLong, ended]) : tooLong;
    connectTls({ host: host ?? '', port: Number(port), tls: trust, proxy: this.#proxy, signal }).then(
      (socket) => callback?.(null, socket),
      (error) => (callback as (error: Error) => void)?.(error),
    );
    return undefined;
  }

  /**
   * What a request is to be sent with that is given up when `ended` aborts. Errors: INTERNAL when something would be sent to a
   * server that nobody verified.
   */
  optionsFor({ url, tls, method, body }: FetchRequest, ended: AbortSignal): RequestOptions {
    if (!url.startsWith('https:')) return {};
    const trust: ConnectionWishes = { trust: tls, ended };
    if (!tls || !('insecureReadOfCa' in tls))
      return { agent: this, ...{ ca: tls?.ca, cert: tls?.certificate, key: tls?.key }, ...trust };
    if (method !== 'GET' || body)
      throw new CoveyError('INTERNAL', 'nothing is sent to a server that nobody verified');
    // A connection of its own, so that no later request finds this unverified one in a pool.
    return { agent: new TlsAgent(this.#proxy, false), ...trust };
  }
}
