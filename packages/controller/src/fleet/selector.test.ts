import { expect, it } from 'vitest';
import { parseSelector } from './selector.ts';

const device = { id: 'edge-1', tags: { site: 'lab', line: '3' } };

it.each([
  ['all', true],
  ['site=lab', true],
  ['site=lab, line=3', true],
  ['site=lab,line=4', false],
  ['id=edge-1', true],
  ['id=edge-2', false],
  ['missing=', false],
  ['constructor=', false],
])('%s selects the device: %s', (selector, expected) => {
  expect(parseSelector(selector)(device)).toBe(expected);
});

it.each(['', 'site', '=lab', 'site=lab,', 'everything'])('refuses "%s"', (selector) => {
  expect(() => parseSelector(selector)).toThrow('is no selector');
});
