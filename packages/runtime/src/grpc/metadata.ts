import type { IncomingHttpHeaders } from 'node:http2';
import { CoveyError } from '@covey/protocol';

/** What a call's metadata says of all its requests. */
export interface CallMetadata {
  /** On performance.now(): when the client stops waiting. */
  deadlineMs: number | undefined;
  /** Requests with the same key are routed alike. */
  key: string | undefined;
  /** W3C trace context of the caller. */
  traceparent: string | undefined;
  tracestate: string | undefined;
  /** How messages that say so are compressed. */
  encoding: string | undefined;
}

/** Longer keys are not worth their hashing. */
const keyChars = 256;
const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** `nowMs`: on performance.now(), when the call arrived. Errors: WIRE_MALFORMED (grpc-timeout), INVALID_DOCUMENT (key). */
export function metadataOf(headers: IncomingHttpHeaders, nowMs: number): CallMetadata {
  const timeoutMs = timeoutOf(textOf(headers, 'grpc-timeout'));
  const key = textOf(headers, 'x-covey-routing-key');
  if (key !== undefined && key.length > keyChars) {
    const message = `x-covey-routing-key has ${key.length} characters, at most ${keyChars}`;
    throw new CoveyError('INVALID_DOCUMENT', message);
  }
  return {
    deadlineMs: timeoutMs === undefined ? undefined : nowMs + timeoutMs,
    key,
    traceparent: textOf(headers, 'traceparent'),
    tracestate: textOf(headers, 'tracestate'),
    encoding: textOf(headers, 'grpc-encoding'),
  };
}

/** PROTOCOL-HTTP2.md, "Timeout": at most eight digits and a unit. */
function timeoutOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  const factor = unitMs[unit];
  if (digits === undefined || factor === undefined) {
    throw new CoveyError(
      'WIRE_MALFORMED',
      'grpc-timeout is at most eight digits and a unit of H, M, S, m, u or n',
    );
  }
  return Number(digits) * factor;
}

function textOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}
