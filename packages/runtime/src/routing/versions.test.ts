import { expect, test } from 'vitest';
import { newestOf, versionNamed } from './versions.ts';

const versions = [
  { version: '1.0.0', number: 1 },
  { version: '1.10.0', number: 3 },
  { version: '1.2.0', number: 2 },
];
const channels = { stable: '1.0.0', candidate: '1.10.0' };
const named = (asked: string) => versionNamed('m', versions, channels, asked);

test('a version is named by SemVer, by its number, or by a channel', () => {
  expect(named('1.2.0')).toBe('1.2.0');
  expect(named('3')).toBe('1.10.0');
  expect(named('stable')).toBe('1.0.0');
});

test('what is not there is answered with what is', () => {
  for (const asked of ['1.0', '4', 'beta', '', 'constructor', '__proto__']) {
    expect(() => named(asked)).toThrow(
      expect.objectContaining({
        code: 'MODEL_UNKNOWN',
        message: `model m serves versions 1.0.0, 1.10.0, 1.2.0 (channels stable, candidate), not ${asked}`,
      }),
    );
  }
  expect(() => versionNamed('m', versions.slice(0, 1), {}, '2')).toThrow(
    'model m serves version 1.0.0, not 2',
  );
});

test('without a route the newest answers, by number and not by name', () => {
  expect(newestOf(versions)).toBe('1.10.0');
});
