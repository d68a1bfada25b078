import { expect, test } from 'vitest';
import { isModelsFault } from './fault.ts';

test.each([
  ['INFERENCE_FAILED', undefined, true],
  ['INFERENCE_FAILED', 5, true],
  ['RUNTIME_DIED', undefined, true],
  ['DEADLINE_EXCEEDED', undefined, true],
  ['DEADLINE_EXCEEDED', 5, false],
  ['OVERLOADED', undefined, false],
  ['INPUT_INVALID', undefined, false],
  ['CANCELLED', undefined, false],
] as const)('%s with a time of %s ms counts against the version: %s', (code, timeoutMs, counts) => {
  expect(isModelsFault(code, timeoutMs)).toBe(counts);
});
