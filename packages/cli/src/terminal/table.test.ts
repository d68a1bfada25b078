import { styleText } from 'node:util';
import { expect, test } from 'vitest';
import { formatDuration, formatShare, formatTable } from './table.ts';

test('columns align whatever the colours, and numbers stand to the right', () => {
  const red = styleText('red', 'failed', { validateStream: false });
  const lines = formatTable(
    ['device', 'state', 'p50'],
    [
      ['a', red, '1.2 ms'],
      ['longer', 'ok', '10.2 ms'],
    ],
  ).split('\n');
  expect(lines[0]).toBe('device  state   p50');
  expect(lines[1]).toBe(`a       ${red}   1.2 ms`);
  expect(lines[2]).toBe('longer  ok      10.2 ms');
});

test('durations and shares read as people say them', () => {
  expect([0.4, 999, 1_500, 61_000, 180_000, 7_200_000].map(formatDuration)).toEqual([
    '0 ms',
    '999 ms',
    '1.5 s',
    '61 s',
    '3 min',
    '2 h',
  ]);
  expect([0, 0.985, 1].map(formatShare)).toEqual(['0 %', '98.5 %', '100 %']);
});
