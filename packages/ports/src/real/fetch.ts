import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { CoveyError } from '@covey/protocol';
import type { Fetch, FetchAnswer, FetchHead, FetchRequest } from '../ports.ts';
import type { HttpProxy } from './proxy.ts';
import { TlsAgent } from './tls-agent.ts';

/**
 * node:http(s): unlike the global fetch it takes a client certificate and a private CA per request. TLS connections go through
 * the proxy, when there is one.
 */
export function networkFetch(proxy: HttpProxy | undefined): Fetch {
  const agent = new TlsAgent(proxy, true);
  return async (request) => {
    const patience = new Patience(request);
    try {
      const incoming = await send(request, agent, patience.signal);
      return await receive(request, incoming, patience);
    } catch (error) {
      throw asCoveyError(request, error, patience.signal);
    } finally {
      patience.end();
    }
  };
}

function send(request: FetchRequest, agent: TlsAgent, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const url = new URL(request.url);
    const { method, body } = request;
    const headers = { ...request.headers, ...(body && { 'content-length': String(body.byteLength) }) };
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = start(url, { method, headers, signal, ...agent.optionsFor(request, signal) }, resolve);
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function receive(
  { url, maxBytes, onPart }: FetchRequest,
  incoming: IncomingMessage,
  patience: Patience,
): Promise<FetchAnswer> {
  const head = headOf(incoming);
  const take = onPart && head.status >= 200 && head.status < 300 ? onPart : undefined;
  const kept: Uint8Array[] = [];
  let sizeBytes = 0;
  // Leaving the loop by an error destroys the stream, and with it the connection.
  for await (const part of incoming as AsyncIterable<Buffer>) {
    sizeBytes += part.byteLength;
    if (sizeBytes > maxBytes)
      throw new CoveyError('PAYLOAD_TOO_LARGE', `${url} answers with more than ${maxBytes} bytes`);
    if (take) await patience.heard(() => take(part, head));
    else kept.push(part);
  }
  return { ...head, body: Buffer.concat(kept) };
}

/** Ends an exchange that takes too long: as a whole, or, where the body is taken in parts, without a sign of life. */
class Patience {
  readonly #abort = new AbortController();
  readonly #url: string;
  readonly #limitMs: number;
  readonly #outer: AbortSignal | undefined;
  readonly #cancel: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor({ url, timeoutMs, signal }: FetchRequest) {
    this.#url = url;
    this.#limitMs = timeoutMs;
    this.#outer = signal;
    this.#cancel = () => this.#abort.abort(new CoveyError('CANCELLED', 'the exchange was cancelled'));
    if (signal?.aborted) this.#cancel();
    signal?.addEventListener('abort', this.#cancel);
    this.#wait();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  async heard(use: () => Promise<void>): Promise<void> {
    clearTimeout(this.#timer);
    await use();
    this.#wait();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#cancel);
  }

  #wait(): void {
    this.#timer = setTimeout(
      () =>
        this.#abort.abort(
          new CoveyError('TIMEOUT', `${this.#url} did not answer within ${this.#limitMs} ms`),
        ),
      this.#limitMs,
    );
    this.#timer.unref();
  }
}

function headOf({ statusCode = 0, headers }: IncomingMessage): FetchHead {
  const flat = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);
  return { status: statusCode, headers: Object.fromEntries(flat) };
}

function asCoveyError({ url }: FetchRequest, error: unknown, { reason }: AbortSignal): CoveyError {
  if (error instanceof CoveyError) return error;
  // Whoever ended the exchange has said why; the connection's own words for that are of no use.
  if (reason instanceof CoveyError) return new CoveyError(reason.code, reason.message, { cause: error });
  return new CoveyError('UNREACHABLE', `cannot reach ${url}: ${(error as Error).message}`, { cause: error });
}
