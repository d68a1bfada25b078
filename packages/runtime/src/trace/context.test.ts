import { parseTraceParent } from '@opentelemetry/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTraceparent, parseTracestate } from './context.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';

test('traceparents that the recommendation allows', () => {
  const sampled = { traceId, parentId, isSampled: true };
  expect(parseTraceparent(`00-${traceId}-${parentId}-01`)).toEqual(sampled);
  expect(parseTraceparent(`00-${traceId}-${parentId}-00`)).toEqual({ ...sampled, isSampled: false });
  // Other flags are not ours to judge; a later version may say more.
  expect(parseTraceparent(`00-${traceId}-${parentId}-03`)).toEqual(sampled);
  expect(parseTraceparent(`cc-${traceId}-${parentId}-01`)).toEqual(sampled);
  expect(parseTraceparent(`cc-${traceId}-${parentId}-01-what-the-future-will-be-like`)).toEqual(sampled);
});

test.each([
  undefined,
  '',
  `ff-${traceId}-${parentId}-01`,
  `00-${traceId}-${parentId}-01-more`,
  `00-${traceId}-${parentId}-01.`,
  `cc-${traceId}-${parentId}-01.what`,
  `0-${traceId}-${parentId}-01`,
  `00-${traceId.toUpperCase()}-${parentId}-01`,
  `00-${'0'.repeat(32)}-${parentId}-01`,
  `00-${traceId}-${'0'.repeat(16)}-01`,
  `00-${traceId.slice(1)}-${parentId}-01`,
  `00-${traceId}-${parentId}-1`,
  `00-${traceId}-${parentId}-0x`,
  `00-${traceId}-${parentId}`,
  // Two headers, as node:http joins them.
  `00-${traceId}-${parentId}-01, 00-${traceId}-${parentId}-01`,
])('%s is no traceparent', (text) => {
  expect(parseTraceparent(text)).toBeUndefined();
});

test('agrees with OpenTelemetry on what is nearly one', () => {
  const hex = (digits: number) =>
    fc.string({ unit: fc.constantFrom(...'0f1a9Ag'), minLength: digits - 1, maxLength: digits + 1 });
  const text = fc
    .tuple(
      fc.oneof(fc.constantFrom('00', 'ff', '01'), hex(2)),
      fc.oneof(fc.constantFrom(traceId, '0'.repeat(32)), hex(32)),
      fc.oneof(fc.constantFrom(parentId, '0'.repeat(16)), hex(16)),
      fc.oneof(fc.constantFrom('00', '01'), hex(2)),
      fc.constantFrom('', '-', '-x', 'x', '-\u0001'),
    )
    .map(([version, trace, parent, flags, more]) => `${version}-${trace}-${parent}-${flags}${more}`);
  fc.assert(
    fc.property(text, (traceparent) => {
      const theirs = parseTraceParent(traceparent);
      const ours = parseTraceparent(traceparent);
      expect(ours).toEqual(
        theirs === null
          ? undefined
          : { traceId: theirs.traceId, parentId: theirs.spanId, isSampled: (theirs.traceFlags & 1) === 1 },
      );
    }),
    { numRuns: 2_000 },
  );
});

test('tracestates that the recommendation allows', () => {
  expect(parseTracestate('congo=t61rcWkgMzE')).toBe('congo=t61rcWkgMzE');
  expect(parseTracestate('rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE')).toBe(
    'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
  );
  expect(parseTracestate('foo=1,,bar=2')).toBe('foo=1,bar=2');
  expect(parseTracestate('0tenant@vendor=a b')).toBe('0tenant@vendor=a b');
  expect(parseTracestate(Array.from({ length: 32 }, (_, i) => `k${i}=1`).join(','))).toBeDefined();
});

test.each([
  undefined,
  '',
  'foo',
  'foo=',
  '=1',
  'FOO=1',
  '0foo=1',
  'foo=1,foo=2',
  'foo=a=b',
  'foo@=1',
  'foo@0bar=1',
  `${'k'.repeat(257)}=1`,
  `k=${'v'.repeat(257)}`,
  'foo=\u0001',
  Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(','),
])('%s is no tracestate', (text) => {
  expect(parseTracestate(text)).toBeUndefined();
});
