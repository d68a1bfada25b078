import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { CoveyError } from '@covey/protocol';
import type { Fetch, FetchAnswer, FetchRequest } from '../ports.ts';

/** node:http(s): unlike the global fetch it takes a client certificate and a private CA per request. */
export const nodeFetch: Fetch = (request) =>
  new Promise((resolve, reject) => {
    const url = new URL(request.url);
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = send(
      url,
      {
        method: request.method,
        headers: {
          ...request.headers,
          ...(request.body && { 'content-length': String(request.body.byteLength) }),
        },
        signal: AbortSignal.timeout(request.timeoutMs),
        ...tlsOptions(request),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        let sizeBytes = 0;
        incoming.on('data', (chunk: Buffer) => {
          sizeBytes += chunk.byteLength;
          if (sizeBytes > request.maxBytes) {
            incoming.destroy(
              new CoveyError(
                'PAYLOAD_TOO_LARGE',
                `${request.url} answers with more than ${request.maxBytes} bytes`,
              ),
            );
          } else chunks.push(chunk);
        });
        incoming.on('error', (error) => reject(asCoveyError(request, error)));
        incoming.on('end', () => resolve(answer(incoming.statusCode ?? 0, incoming.headers, chunks)));
      },
    );
    outgoing.on('error', (error) => reject(asCoveyError(request, error)));
    outgoing.end(request.body);
  });

function tlsOptions({ tls, method, body }: FetchRequest) {
  if (!tls) return {};
  if ('insecureReadOfCa' in tls) {
    if (method !== 'GET' || body) {
      throw new CoveyError('INTERNAL', 'nothing is sent to a server that nobody verified');
    }
    // A connection of its own, so that no later request finds this unverified one in a pool.
    return { rejectUnauthorized: false, agent: false as const };
  }
  return { ca: tls.ca, cert: tls.certificate, key: tls.key, rejectUnauthorized: true };
}

function answer(status: number, headers: NodeJS.Dict<string | string[]>, chunks: Buffer[]): FetchAnswer {
  const flat = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);
  return { status, headers: Object.fromEntries(flat), body: Buffer.concat(chunks) };
}

function asCoveyError(request: FetchRequest, error: Error): CoveyError {
  if (error instanceof CoveyError) return error;
  if (error.name === 'TimeoutError' || error.name === 'AbortError') {
    return new CoveyError('TIMEOUT', `${request.url} did not answer within ${request.timeoutMs} ms`, {
      cause: error,
    });
  }
  return new CoveyError('UNREACHABLE', `cannot reach ${request.url}: ${error.message}`, { cause: error });
}
