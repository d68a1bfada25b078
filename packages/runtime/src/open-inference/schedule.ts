import { CoveyError } from '@covey/protocol';
import type { Parameters } from './document.ts';

/** When a request wants to be run. */
export interface Schedule {
  /** 1 is served first; 0 is the default. */
  priority: number;
  timeoutMs: number | undefined;
}

/**
 * Schedule-policy extension: `priority`, and `timeout` in microseconds, 0 for none. Sequences are refused, since no model
 * here keeps a state between requests; other parameters are the caller's own. Errors: INPUT_INVALID, UNSUPPORTED.
 */
export function scheduleOf(parameters: Parameters | undefined): Schedule {
  if (parameters === undefined) return { priority: 0, timeoutMs: undefined };
  const { sequence_id: sequence, sequence_start: start, sequence_end: end } = parameters;
  if (isSet(sequence) || start === true || end === true) {
    const message = 'the sequence extension is not served: models here keep no state between requests';
    throw new CoveyError('UNSUPPORTED', message);
  }
  const timeoutMicroseconds = count(parameters, 'timeout');
  return {
    priority: count(parameters, 'priority'),
    timeoutMs: timeoutMicroseconds === 0 ? undefined : timeoutMicroseconds / 1_000,
  };
}

/** Triton's clients say 0 or nothing for no sequence. */
function isSet(sequence: unknown): boolean {
  return sequence !== undefined && sequence !== 0 && sequence !== '';
}

function count(parameters: Parameters, name: string): number {
  const value = parameters[name] ?? 0;
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new CoveyError('INPUT_INVALID', `parameter ${name} must be an integer from 0`);
}
