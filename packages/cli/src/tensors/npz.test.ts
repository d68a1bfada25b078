import { CoveyError } from '@covey/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { floatsNpy, zipFile } from './files.fixture.ts';
import { parseNpz } from './npz.ts';
import { readZip } from './zip.ts';

const x = floatsNpy('3,', [1, 2, 3]);

test.each([0, 8])('arrays by name, packed by method %i', (method) => {
  const arrays = parseNpz(zipFile({ 'x.npy': x, 'y.npy': floatsNpy('', [7]) }, { method }));
  expect(arrays).toMatchObject({ x: { datatype: 'FP32', shape: [3] }, y: { shape: [] } });
  expect([...new Float32Array(arrays.x?.data.slice().buffer ?? new ArrayBuffer())]).toEqual([1, 2, 3]);
});

test.each<[string, () => unknown, string, string]>([
  ['no archive', () => parseNpz(new Uint8Array(30)), 'INVALID_DOCUMENT', 'no directory'],
  ['nothing', () => parseNpz(new Uint8Array()), 'INVALID_DOCUMENT', 'no directory'],
  [
    'an array that is none',
    () => parseNpz(zipFile({ 'x.npy': new Uint8Array(9) })),
    'INVALID_DOCUMENT',
    'x.npy: ',
  ],
  ['another method', () => parseNpz(zipFile({ 'x.npy': x }, { method: 12 })), 'UNSUPPORTED', 'method 12'],
  [
    'a bomb',
    () => readZip(zipFile({ 'x.npy': new Uint8Array(1e7) }, { method: 8, claimedBytes: 9 }), 100),
    'INVALID_DOCUMENT',
    'cannot be inflated',
  ],
  ['an honest bomb', () => readZip(zipFile({ x, y: x }), 200), 'PAYLOAD_TOO_LARGE', 'unpacks to 280 bytes'],
])('%s is refused', (_, read, code, words) => {
  expect(read).toThrow(expect.objectContaining({ code, message: expect.stringContaining(words) }));
});

test('any bytes are arrays or a clear error', () => {
  const valid = zipFile({ 'x.npy': x }, { method: 8 });
  const mutated = fc
    .tuple(fc.nat(valid.length - 1), fc.nat(255))
    .map(([at, value]) => new Uint8Array(valid).with(at, value));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated), (bytes) => {
      try {
        parseNpz(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(CoveyError);
      }
    }),
    { numRuns: 1_000 },
  );
});
