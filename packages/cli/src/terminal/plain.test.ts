import { styleText } from 'node:util';
import { expect, test } from 'vitest';
import { plainJson, plainStyled, plainText } from './plain.ts';

const hostile = 'a\x1b[2J\x1b]0;title\x07b\x9b31mc\r\u202ed\ne\x7f';

test('nothing is left that a terminal obeys, and lines stay', () => {
  for (const text of [plainText(hostile), plainStyled(hostile), plainJson(hostile)])
    expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
  expect(plainText('one\ntwo é 漢 🙂')).toBe('one\ntwo é 漢 🙂');
});

test('our styles stay, those that hide or redraw do not', () => {
  const styled = styleText(['red', 'bold'], 'failed', { validateStream: false });
  expect(plainStyled(`${styled} \x1b[8mhidden\x1b[0m\x1b[1A`)).toBe(`${styled} hidden\x1b[0m`);
});

test('JSON means the same', () => {
  expect(JSON.parse(plainJson({ [hostile]: hostile }))).toEqual({ [hostile]: hostile });
});
