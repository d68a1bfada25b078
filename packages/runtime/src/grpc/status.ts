import type { CoveyError, ErrorCode } from '@covey/protocol';
import { LimitError } from '../gateway/index.ts';

/** Status codes of gRPC (github.com/grpc/grpc/blob/master/doc/statuscodes.md). */
const statusCodes = {
  OK: 0,
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** Where the HTTP status of an error says too little. */
const byCode: Partial<Record<ErrorCode, number>> = {
  OVERLOADED: statusCodes.RESOURCE_EXHAUSTED,
  DEADLINE_EXCEEDED: statusCodes.DEADLINE_EXCEEDED,
};

const byHttpStatus: Readonly<Record<number, number>> = {
  400: statusCodes.INVALID_ARGUMENT,
  401: statusCodes.UNAUTHENTICATED,
  403: statusCodes.PERMISSION_DENIED,
  404: statusCodes.NOT_FOUND,
  409: statusCodes.FAILED_PRECONDITION,
  413: statusCodes.RESOURCE_EXHAUSTED,
  429: statusCodes.RESOURCE_EXHAUSTED,
  499: statusCodes.CANCELLED,
  501: statusCodes.UNIMPLEMENTED,
  503: statusCodes.UNAVAILABLE,
  504: statusCodes.DEADLINE_EXCEEDED,
};

function statusOf({ code, status }: CoveyError): number {
  return byCode[code] ?? byHttpStatus[status] ?? statusCodes.INTERNAL;
}

/** What a call ends with that succeeded. */
export const okTrailers: Record<string, string> = { 'grpc-status': String(statusCodes.OK) };

/** Longest message that is sent: headers are bounded. */
const messageChars = 1_000;

/** What a call ends with that failed: status, message, and the catalogue's code for scripts. */
export function trailersOf(error: CoveyError): Record<string, string> {
  return {
    'grpc-status': String(statusOf(error)),
    'grpc-message': encodeMessage(error.message),
    'x-covey-error-code': error.code,
    ...(error instanceof LimitError && { 'retry-after': String(error.retryAfterSeconds) }),
    ...(error.code === 'UNAUTHENTICATED' && { 'www-authenticate': 'Bearer realm="covey"' }),
  };
}

/**
 * The value of `grpc-message`: percent-encoded UTF-8 (PROTOCOL-HTTP2.md, "Status-Message"). A space at either end too: a field
 * value that begins or ends with one is malformed (RFC 9113, 8.2.1), and receivers drop it.
 */
function encodeMessage(message: string): string {
  const bytes = Buffer.from(message.slice(0, messageChars), 'utf8');
  let encoded = '';
  for (const [at, byte] of bytes.entries()) {
    const inner = at > 0 && at < bytes.length - 1;
    const plain = byte > 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded +=
      plain || (byte === 0x20 && inner)
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
