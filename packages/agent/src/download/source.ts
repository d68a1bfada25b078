import type { Fetch, FetchAnswer, FetchHead } from '@covey/ports';
import { CoveyError, type ErrorCode, errorCatalogue, limits, parseJson } from '@covey/protocol';
import { Held, type Passage } from '../delivery/index.ts';
import type { Identity } from '../identity/index.ts';

const timeoutMs = 60_000;
const longestWaitMs = 86_400_000;

/** What the controller's device listener has, over one order's way through the policy: everything that comes is counted. */
export interface Source {
  /** A whole small resource. Errors: NOT_FOUND, FORBIDDEN, UNREACHABLE, TIMEOUT, PAYLOAD_TOO_LARGE; Held. */
  get(path: string, maxBytes: number): Promise<Uint8Array>;
  /** The bytes from `start` up to `end`, part by part; fewer than asked for where policy or server say so. Errors as `get`. */
  stream(
    path: string,
    start: number,
    end: number,
    onPart: (part: Uint8Array) => Promise<void>,
  ): Promise<void>;
}

export function openSource(
  { fetch }: { fetch: Fetch },
  { deviceUrl, caPem, certificatePem, keyPem }: Identity,
  passage: Passage,
  signal: AbortSignal,
): Source {
  const tls = { ca: caPem, certificate: certificatePem, key: keyPem };
  const ask = async (
    path: string,
    maxBytes: number,
    more: { headers?: Record<string, string>; onPart: (part: Uint8Array, head: FetchHead) => Promise<void> },
  ) => {
    const url = new URL(path, deviceUrl).href;
    const answer = await fetch({ method: 'GET', url, tls, timeoutMs, maxBytes, signal, ...more });
    if (answer.status !== 200 && answer.status !== 206) throw refusal(url, answer);
  };
  return {
    get: async (path, maxBytes) => {
      await passage.admit(signal);
      const parts: Uint8Array[] = [];
      const onPart = async (part: Uint8Array) => {
        parts.push(part);
        await passage.count(part.byteLength);
      };
      await ask(path, maxBytes, { onPart });
      return Buffer.concat(parts);
    },
    stream: async (path, start, end, take) => {
      const last = Math.min(end, start + (await passage.admit(signal))) - 1;
      // A server may send less of a range, and one that knows none sends all from the first byte.
      let offset = -1;
      const onPart = async (part: Uint8Array, head: FetchHead) => {
        if (offset < 0) offset = head.status === 206 ? startOf(head) : 0;
        const wanted = part.subarray(Math.max(0, start - offset), Math.max(0, last + 1 - offset));
        offset += part.byteLength;
        if (wanted.byteLength > 0) await take(wanted);
        await passage.count(part.byteLength);
      };
      const headers = { range: `bytes=${start}-${Number.isFinite(last) ? last : ''}` };
      await ask(path, limits.fileBytes, { headers, onPart });
    },
  };
}

function startOf({ headers }: FetchHead): number {
  const [, start] = /^bytes (\d{1,15})-/.exec(headers['content-range'] ?? '') ?? [];
  if (start === undefined)
    throw new CoveyError('UNREACHABLE', 'the server sends a range and does not say which');
  return Number(start);
}

const statusCodes: Record<number, ErrorCode> = { 403: 'FORBIDDEN', 404: 'NOT_FOUND' };

/** 429 and 503 with `Retry-After` ask to come later, and say why in the error document. */
function refusal(url: string, { status, headers, body }: FetchAnswer): CoveyError {
  const waitMs = Number(headers['retry-after']) * 1_000;
  const said = errorIn(body);
  if ((status === 429 || status === 503) && waitMs >= 0) {
    const message = said?.message ?? 'the controller asks to come later';
    return new Held(said?.code ?? 'RATE_LIMITED', message, Math.min(longestWaitMs, waitMs));
  }
  return new CoveyError(statusCodes[status] ?? 'UNREACHABLE', `${url} answers with status ${status}`);
}

/** The error document of the controller, as far as it is one. */
function errorIn(body: Uint8Array): { code: ErrorCode; message: string } | undefined {
  try {
    const { code, message } = parseJson(body, 'error', limits.documentBytes) as Record<string, unknown>;
    if (typeof code !== 'string' || !(code in errorCatalogue) || typeof message !== 'string')
      return undefined;
    return { code: code as ErrorCode, message: message.slice(0, limits.reasonChars) };
  } catch {
    // Anybody on the way may answer anything; then nothing was said.
    return undefined;
  }
}
