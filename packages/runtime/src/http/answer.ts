import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { CoveyError } from '@covey/protocol';
import { LimitError } from '../gateway/index.ts';

export interface Answer {
  status: number;
  headers: OutgoingHttpHeaders;
  /** Written one after the other. */
  body: Uint8Array[];
}

export function jsonAnswer(document: unknown, status = 200): Answer {
  return textAnswer(JSON.stringify(document), status);
}

/** `json` is JSON already. */
export function textAnswer(json: string, status = 200): Answer {
  const bytes = Buffer.from(json, 'utf8');
  const headers = { 'content-type': 'application/json', 'content-length': bytes.byteLength };
  return { status, headers, body: [bytes] };
}

export function emptyAnswer(status: number): Answer {
  return { status, headers: { 'content-length': 0 }, body: [] };
}

/** Refused before the body is read, which is not read to its end, or waited for, to keep the connection. */
const unread: ReadonlySet<string> = new Set(['PAYLOAD_TOO_LARGE', 'FORBIDDEN', 'UNAUTHENTICATED']);

/** `document` as the answer to an error; beside it the error's code from the catalogue, for scripts. */
export function errorAnswer(error: CoveyError, document: unknown): Answer {
  const answer = jsonAnswer(document, error.status);
  answer.headers['x-covey-error-code'] = error.code;
  if (error instanceof LimitError) answer.headers['retry-after'] = String(error.retryAfterSeconds);
  // RFC 9110, 15.5.2.
  if (error.code === 'UNAUTHENTICATED') answer.headers['www-authenticate'] = 'Bearer realm="covey"';
  if (unread.has(error.code)) answer.headers.connection = 'close';
  return answer;
}

export function sizeOf({ body }: Answer): number {
  return body.reduce((total, part) => total + part.byteLength, 0);
}

export function write(response: ServerResponse, answer: Answer): void {
  const { status, headers, body } = answer;
  // The client went away, or (by a fault of ours) was answered already: nobody to tell.
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, headers);
  // One system call for head and body: small answers as one text, which costs least, large ones as their parts.
  if (sizeOf(answer) <= smallBytes) {
    response.end(body.map(latin1).join(''), 'latin1');
    return;
  }
  response.cork();
  for (const part of body) response.write(part);
  response.end();
}

/** Beyond this, bytes are not worth turning into a text. */
const smallBytes = 8 * 1024;

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}
