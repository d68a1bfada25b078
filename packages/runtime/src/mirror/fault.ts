import type { ErrorCode } from '@covey/protocol';

/** What a caller may bring about whatever the version is. */
const callersOwn: ReadonlySet<ErrorCode> = new Set(['OVERLOADED', 'INPUT_INVALID', 'CANCELLED']);

/**
 * Whether a failed request is evidence against the version that was asked. Too much at a time, inputs of another form, giving
 * up, and less time than it takes are the caller's: a caller in a hurry shall not take a version back.
 */
export function isModelsFault(code: ErrorCode, timeoutMs: number | undefined): boolean {
  return !callersOwn.has(code) && !(code === 'DEADLINE_EXCEEDED' && timeoutMs !== undefined);
}
