import { CoveyError, type ErrorCode, errorCatalogue, limits, toCoveyError } from '@covey/protocol';
import { networkOf } from '../network/proxy.ts';
import type { Connection } from './connection.ts';

/** Largest answer of the admin API that the command reads. */
const answerBytes = 64 * 1024 * 1024;
const requestTimeoutMs = 15_000;
/** What is only read: a controller that hangs still takes connections. */
const readTimeoutMs = 8_000;
/** The controller holds a question for changes open until there are some. */
const changesTimeoutMs = 40_000;

export interface Call<Answer> {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the controller's address, segments already encoded. */
  path: string;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  /** Checks and types the answer: a schema of @covey/protocol/api. */
  answer: { parse(value: unknown): Answer };
}

/** For calls whose answer says nothing. */
export const noAnswer = { parse: () => undefined };

/** The controller's admin API. Errors are those of the controller, with their codes; UNREACHABLE when there is none, TIMEOUT when it hangs. */
export interface Client {
  /** Root metadata that the publisher on this machine keeps; undefined when it keeps none. */
  publisherRoot: Uint8Array | undefined;
  call<Answer>(call: Call<Answer>): Promise<Answer>;
  /** An answer that is no JSON of the API, as it came. */
  getBytes(path: string): Promise<Uint8Array>;
  /** Uploads one chunk of a bundle. */
  putChunk(sha256: string, bytes: Uint8Array): Promise<void>;
}

export function createClient(connection: Connection): Client {
  if (!URL.canParse(connection.url)) {
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `"${connection.url}" is no address such as https://covey.example:8080`,
    );
  }
  const { fetch } = networkOf(undefined);
  const send = async (
    method: Call<unknown>['method'],
    path: string,
    body: Uint8Array | undefined,
    contentType: string,
  ) => {
    const answer = await fetch({
      method,
      url: new URL(path, connection.url).href,
      headers: {
        authorization: `Bearer ${connection.token}`,
        ...(body && { 'content-type': contentType }),
      },
      ...(body && { body }),
      ...(connection.ca !== undefined && { tls: { ca: connection.ca } }),
      timeoutMs: timeoutOf(method, path),
      maxBytes: answerBytes,
    }).catch((error) => {
      throw toCoveyError(error).code === 'TIMEOUT'
        ? hanging(connection, timeoutOf(method, path), error)
        : error;
    });
    if (answer.status >= 400) throw errorOf(answer.status, answer.body, path);
    return answer.body;
  };
  return {
    publisherRoot: connection.publisherRoot,
    call: async ({ method, path, query, body, answer }) => {
      const bytes = await send(
        method,
        `/v1${path}${queryString(query)}`,
        body === undefined ? undefined : new TextEncoder().encode(JSON.stringify(body)),
        'application/json',
      );
      return answer.parse(bytes.byteLength === 0 ? undefined : JSON.parse(new TextDecoder().decode(bytes)));
    },
    getBytes: (path) => send('GET', `/v1${path}`, undefined, 'application/json'),
    putChunk: async (sha256, bytes) => {
      if (bytes.byteLength > limits.chunkBytes)
        throw new CoveyError('PAYLOAD_TOO_LARGE', `chunk ${sha256} is too large`);
      await send('PUT', `/v1/chunks/${sha256}`, bytes, 'application/octet-stream');
    },
  };
}

function timeoutOf(method: Call<unknown>['method'], path: string): number {
  if (path.startsWith('/v1/changes')) return changesTimeoutMs;
  return method === 'GET' ? readTimeoutMs : requestTimeoutMs;
}

function hanging({ url }: Connection, timeoutMs: number, cause: unknown): CoveyError {
  const message = `the controller at ${url} did not answer within ${timeoutMs / 1_000} s: it hangs, is stopped, or has too much to do`;
  return new CoveyError('TIMEOUT', message, { cause });
}

function queryString(query: Call<unknown>['query']): string {
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}

/** The error that an answer carries; anything else that is not ours keeps its status and first words. */
function errorOf(status: number, body: Uint8Array, path: string): CoveyError {
  const text = new TextDecoder().decode(body.subarray(0, 2_000));
  try {
    const { code, message } = JSON.parse(text) as { code: string; message: string };
    if (Object.hasOwn(errorCatalogue, code)) return new CoveyError(code as ErrorCode, message);
  } catch {
    // Not JSON: some proxy or another program answered; said below.
  }
  return new CoveyError('UNREACHABLE', `${path} was answered with status ${status}: ${text.slice(0, 200)}`);
}
