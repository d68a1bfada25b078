import type { ErrorCode } from '@covey/protocol';

/** Why requests are not answered: Triton's reasons, with its OTHER parted where clients can do something about it. */
export const failureReasons = ['REJECTED', 'CANCELLED', 'DEADLINE', 'INVALID', 'BACKEND', 'OTHER'] as const;
export type FailureReason = (typeof failureReasons)[number];

const reasons: Partial<Record<ErrorCode, FailureReason>> = {
  OVERLOADED: 'REJECTED',
  MODEL_UNAVAILABLE: 'REJECTED',
  CANCELLED: 'CANCELLED',
  DEADLINE_EXCEEDED: 'DEADLINE',
  TIMEOUT: 'DEADLINE',
  INPUT_INVALID: 'INVALID',
  INVALID_DOCUMENT: 'INVALID',
  PAYLOAD_TOO_LARGE: 'INVALID',
  UNSUPPORTED: 'INVALID',
  WIRE_MALFORMED: 'INVALID',
  INFERENCE_FAILED: 'BACKEND',
  RUNTIME_DIED: 'BACKEND',
};

export function failureReason(code: ErrorCode): FailureReason {
  return reasons[code] ?? 'OTHER';
}

/** Requests that never reached the model: refused by us, or given up by the client. */
export function isRejection(reason: FailureReason): boolean {
  return reason === 'REJECTED' || reason === 'CANCELLED' || reason === 'INVALID';
}
