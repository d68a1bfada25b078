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
  /**
   * Bytes of a resource, part by part; fewer than asked for where policy or server say so. Errors as `get`, and CHUNK_LOST,
   * TRANSFER_REFUSED; BUNDLE_CORRUPT where the resource cannot be what it is taken for: it ends before `start`, has another
   * length, or what comes is not the range that the server says it is.
   */
  stream(path: string, wanted: Stretch, onPart: (part: Uint8Array) => Promise<void>): Promise<void>;
}

/** From `start` up to `end`. `totalBytes`: of the whole resource; undefined: not known yet. */
export interface Stretch {
  start: number;
  end: number;
  totalBytes?: number;
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
    stream: async (path, { start, end, totalBytes }, take) => {
      const last = Math.min(end, start + (await passage.admit(signal))) - 1;
      let place: Place | undefined;
      let offset = 0;
      const onPart = async (part: Uint8Array, head: FetchHead) => {
        if (!place) {
          place = placeOf(path, head, start, totalBytes);
          offset = place.start;
        }
        const wanted = part.subarray(Math.max(0, start - offset), Math.max(0, last + 1 - offset));
        offset += part.byteLength;
        const isLonger = offset > place.end;
        if (wanted.byteLength > 0 && !isLonger) await take(wanted);
        await passage.count(part.byteLength);
        if (isLonger) throw corrupt(path, 'is longer than it should be');
      };
      const headers = { range: `bytes=${start}-${Number.isFinite(last) ? last : ''}` };
      await ask(path, limits.fileBytes, { headers, onPart });
      if (!place || (Number.isFinite(place.end) && offset < place.end))
        throw corrupt(path, `ends at byte ${offset}`);
    },
  };
}

/** Where in the resource the body of an answer lies; `end` infinite: nobody says. */
interface Place {
  start: number;
  end: number;
}

/** A server may send less of a range, and one that knows none sends all from the first byte. */
function placeOf(
  path: string,
  { status, headers }: FetchHead,
  start: number,
  totalBytes: number | undefined,
): Place {
  if (status !== 206) return { start: 0, end: totalBytes ?? Number.POSITIVE_INFINITY };
  const [, first, last, total] =
    /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(headers['content-range'] ?? '') ?? [];
  if (first === undefined || Number(first) > start || Number(last) < start)
    throw corrupt(path, 'comes as another range than was asked for');
  if (totalBytes !== undefined && total !== '*' && Number(total) !== totalBytes)
    throw corrupt(path, `has ${total} bytes, and not ${totalBytes}`);
  return { start: Number(first), end: Number(last) + 1 };
}

function corrupt(path: string, what: string): CoveyError {
  return new CoveyError('BUNDLE_CORRUPT', `${path} ${what}`);
}

const statusCodes: Record<number, ErrorCode> = {
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  416: 'BUNDLE_CORRUPT',
};
/** What the controller may say in place of the status: none of them ends an update for good. */
const toldCodes: readonly ErrorCode[] = ['CHUNK_LOST', 'TRANSFER_REFUSED'];

/** 429 and 503 with `Retry-After` ask to come later, and say why in the error document. */
function refusal(url: string, { status, headers, body }: FetchAnswer): CoveyError {
  const waitMs = Number(headers['retry-after']) * 1_000;
  const said = errorIn(body);
  if ((status === 429 || status === 503) && waitMs >= 0) {
    const message = said?.message ?? 'the controller asks to come later';
    return new Held(
      said?.code ?? (status === 429 ? 'RATE_LIMITED' : 'OVERLOADED'),
      message,
      Math.min(longestWaitMs, waitMs),
    );
  }
  if (said && toldCodes.includes(said.code)) return new CoveyError(said.code, said.message);
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
