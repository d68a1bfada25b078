import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeImage } from '../node/index.ts';
import { pngFile } from './files.fixture.ts';

/** 8-bit pictures, filtered as the specification says (PNG third edition, clause 9), by a filter of its own for each row. */
function filtered(raw: Uint8Array, rowBytes: number, step: number, filters: number[]): Uint8Array {
  const rows: number[] = [];
  for (let y = 0; y * rowBytes < raw.length; y++) {
    const filter = filters[y % filters.length] ?? 0;
    rows.push(filter);
    for (let i = 0; i < rowBytes; i++) {
      const at = y * rowBytes + i;
      const left = i < step ? 0 : (raw[at - step] ?? 0);
      const up = y === 0 ? 0 : (raw[at - rowBytes] ?? 0);
      const upLeft = i < step || y === 0 ? 0 : (raw[at - rowBytes - step] ?? 0);
      const estimate = left + up - upLeft;
      const nearest = [left, up, upLeft].reduce((best, value) =>
        Math.abs(estimate - value) < Math.abs(estimate - best) ? value : best,
      );
      const predictions = [0, left, up, Math.floor((left + up) / 2), nearest];
      rows.push(((raw[at] ?? 0) - (predictions[filter] ?? 0)) & 255);
    }
  }
  return Uint8Array.from(rows);
}

const filters = fc.array(fc.nat(4), { minLength: 1, maxLength: 5 });
const size = fc.integer({ min: 1, max: 12 });

test.each([
  ['grey', 0, 1, (p: number[]) => [p[0], p[0], p[0]]],
  ['red, green, blue', 2, 3, (p: number[]) => p],
  ['grey with transparency', 4, 2, (p: number[]) => [p[0], p[0], p[0]]],
  ['red, green, blue with transparency', 6, 4, (p: number[]) => p.slice(0, 3)],
])('%s: every filter is undone', async (_, colourType, samples, expected) => {
  await fc.assert(
    fc.asyncProperty(
      size,
      size,
      filters,
      fc.infiniteStream(fc.nat(255)),
      async (width, height, chosen, bytes) => {
        const raw = Uint8Array.from(bytes.take(width * height * samples));
        const rows = filtered(raw, width * samples, samples, chosen);
        const image = await decodeImage(pngFile({ width, height, depth: 8, colourType, rows }));
        const pixels = Array.from({ length: width * height }, (_, i) => [
          ...raw.subarray(i * samples, (i + 1) * samples),
        ]);
        expect([...image.data]).toEqual(pixels.flatMap(expected));
      },
    ),
    { numRuns: 50 },
  );
});

test('interlaced pictures are put together from their seven passes', async () => {
  await fc.assert(
    fc.asyncProperty(size, size, async (width, height) => {
      const value = (x: number, y: number) => (x * 17 + y * 31) & 255;
      const passes = [
        [0, 0, 8, 8],
        [4, 0, 8, 8],
        [0, 4, 4, 8],
        [2, 0, 4, 4],
        [0, 2, 2, 4],
        [1, 0, 2, 2],
        [0, 1, 1, 2],
      ] as const;
      const rows: number[] = [];
      for (const [left, top, stepX, stepY] of passes) {
        for (let y = top; y < height && left < width; y += stepY) {
          rows.push(0);
          for (let x = left; x < width; x += stepX) rows.push(value(x, y));
        }
      }
      const image = await decodeImage(
        pngFile({ width, height, depth: 8, colourType: 0, interlaced: true, rows: Uint8Array.from(rows) }),
      );
      const expected = Array.from({ length: width * height }, (_, i) =>
        value(i % width, Math.floor(i / width)),
      );
      expect([...image.data].filter((_, i) => i % 3 === 0)).toEqual(expected);
    }),
  );
});

test('fewer bits a sample, more bits, and palettes', async () => {
  const one = { width: 3, height: 1 };
  const reds = async (content: Parameters<typeof pngFile>[0]) =>
    [...(await decodeImage(pngFile(content))).data].filter((_, i) => i % 3 === 0);
  expect(await reds({ ...one, depth: 1, colourType: 0, rows: Uint8Array.of(0, 0b10100000) })).toEqual([
    255, 0, 255,
  ]);
  expect(await reds({ ...one, depth: 2, colourType: 0, rows: Uint8Array.of(0, 0b00011000) })).toEqual([
    0, 85, 170,
  ]);
  expect(
    await reds({ ...one, depth: 16, colourType: 0, rows: Uint8Array.of(0, 1, 99, 2, 99, 3, 99) }),
  ).toEqual([1, 2, 3]);
  const palette = [10, 11, 12, 20, 21, 22];
  const indexed = pngFile({ ...one, depth: 4, colourType: 3, palette, rows: Uint8Array.of(0, 0x01, 0x10) });
  expect([...(await decodeImage(indexed)).data]).toEqual([10, 11, 12, 20, 21, 22, 20, 21, 22]);
});
