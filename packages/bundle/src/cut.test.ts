import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutEnds, type Extent } from './cut.ts';

const kib = 1024;

/** Bytes that look like weights. */
function noise(sizeBytes: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: sizeBytes }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state ^ (state >>> 15)) >>> 24;
  });
}

function pieces(bytes: Uint8Array, tensors: readonly Extent[]): Buffer[] {
  let start = 0;
  return cutEnds(bytes, tensors).map((end) => {
    const piece = Buffer.from(bytes.subarray(start, end));
    start = end;
    return piece;
  });
}

test('chunks cover a file in order, none empty, none above the limit, whatever is said of its tensors', () => {
  const extents = fc.array(fc.record({ offset: fc.nat(900 * kib), sizeBytes: fc.nat(900 * kib) }), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(fc.nat(800 * kib), fc.nat(), extents, (sizeBytes, seed, tensors) => {
      const bytes = noise(sizeBytes, seed);
      const all = pieces(bytes, tensors);
      expect(Buffer.concat(all).equals(bytes)).toBe(true);
      for (const { length } of all) expect(length > 0 && length <= 1024 * kib).toBe(true);
    }),
    { numRuns: process.env.COVEY_LONG === undefined ? 50 : 200 },
  );
});

test('chunks have 128 KiB on average, and few are smaller than a quarter of that', () => {
  const sizes = pieces(noise(16 * 1024 * kib, 1), []).map(({ length }) => length);
  const average = (16 * 1024 * kib) / sizes.length;
  expect(average).toBeGreaterThan(96 * kib);
  expect(average).toBeLessThan(176 * kib);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(512 * kib);
  expect(sizes.slice(0, -1).every((size) => size >= 32 * kib)).toBe(true);
});

test('a tensor that stays the same keeps its chunks when all around it changes', () => {
  const weights = noise(300 * kib, 7);
  const fileOf = (before: number, after: number, seed: number) => {
    const bytes = Buffer.concat([noise(before, seed), weights, noise(after, seed + 1)]);
    return pieces(bytes, [{ offset: before, sizeBytes: weights.byteLength }]).map((piece) =>
      piece.toString('hex'),
    );
  };
  const one = fileOf(20 * kib, 5 * kib, 1);
  const kept = new Set(fileOf(9 * kib + 3, 100 * kib, 5));
  const inBoth = one.filter((piece) => kept.has(piece)).reduce((sum, hex) => sum + hex.length / 2, 0);
  expect(inBoth).toBe(weights.byteLength);
});

test('bytes put into a large piece change one or two chunks', () => {
  const bytes = noise(4 * 1024 * kib, 3);
  const more = Buffer.concat([bytes.subarray(0, 1_000_000), noise(8, 9), bytes.subarray(1_000_000)]);
  const known = new Set(pieces(bytes, []).map((piece) => piece.toString('hex')));
  const changed = pieces(more, []).filter((piece) => !known.has(piece.toString('hex')));
  expect(changed.length).toBeLessThanOrEqual(3);
});

test('small tensors are grouped, and no element is cut', () => {
  const small = Array.from({ length: 200 }, (_, i) => ({ offset: i * 500, sizeBytes: 496 }));
  const large = { offset: 100_000, sizeBytes: 1024 * kib };
  const ends = cutEnds(noise(large.offset + large.sizeBytes, 11), [...small, large]);
  expect(ends.filter((end) => end < large.offset).length).toBeLessThanOrEqual(2);
  expect(ends).toContain(large.offset);
  for (const end of ends) if (end > large.offset) expect((end - large.offset) % 8).toBe(0);
});
