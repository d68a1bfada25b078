import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseRange } from './range.ts';

it.each([
  [undefined, undefined],
  ['bytes=0-', { start: 0, end: 10 }],
  ['bytes=4-', { start: 4, end: 10 }],
  ['bytes=4-5', { start: 4, end: 6 }],
  ['bytes=4-99', { start: 4, end: 10 }],
  ['bytes=-3', { start: 7, end: 10 }],
  ['bytes=-99', { start: 0, end: 10 }],
  ['bytes=10-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=5-4', undefined],
  ['bytes=0-1,3-4', undefined],
  ['bytes=0-1, -2', undefined],
  ['lines=0-1', undefined],
  ['Bytes=4-5', { start: 4, end: 6 }],
  ['bytes=0-99999999999999999999999', { start: 0, end: 10 }],
  ['bytes=99999999999999999999999-', 'unsatisfiable'],
  ['bytes=-99999999999999999999999', { start: 0, end: 10 }],
  [`bytes=4-${'9'.repeat(400)}`, { start: 4, end: 10 }],
  ['bytes=--5', undefined],
  ['bytes=-5--3', undefined],
  ['bytes=-1-2', undefined],
  ['bytes=1.5-3', undefined],
  ['bytes=0x1-3', undefined],
  ['bytes=a-b', undefined],
  ['bytes=', undefined],
  ['bytes=-', undefined],
  ['bytes 0-1', undefined],
  ['', undefined],
])('of 10 bytes, %s is %o', (header, expected) => {
  expect(parseRange(header, 10)).toEqual(expected);
});

it('never leaves the file', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), fc.nat(), fc.nat(1_000), (text, first, last, sizeBytes) => {
      for (const header of [
        text,
        `bytes=${text}`,
        `bytes=${first}-${last}`,
        `bytes=-${last}`,
        `bytes=${first}-`,
      ]) {
        const range = parseRange(header, sizeBytes);
        if (range === undefined || range === 'unsatisfiable') continue;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.end).toBeGreaterThan(range.start);
        expect(range.end).toBeLessThanOrEqual(sizeBytes);
      }
    }),
  );
});
