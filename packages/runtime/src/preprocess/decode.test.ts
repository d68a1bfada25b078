import { CoveyError } from '@covey/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeImage } from '../node/index.ts';
import { jpegFile, pngFile, turnedJpeg } from './files.fixture.ts';

const one = { width: 1, height: 1, depth: 8, colourType: 0, rows: Uint8Array.of(0, 0) };
const pixel = (image: { data: Uint8Array; width: number }, x: number, y: number) => [
  ...image.data.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3),
];

test('a JPEG file is decoded the right way up', async () => {
  const image = await decodeImage(jpegFile);
  expect([image.width, image.height]).toEqual([16, 8]);
  expect([pixel(image, 0, 0), pixel(image, 15, 7)]).toEqual([
    [254, 0, 0],
    [0, 0, 254],
  ]);
  const turned = await decodeImage(turnedJpeg(6));
  expect([turned.width, turned.height]).toEqual([8, 16]);
  expect([pixel(turned, 0, 0), pixel(turned, 0, 15)]).toEqual([
    [254, 0, 0],
    [0, 0, 254],
  ]);
  expect(pixel(await decodeImage(turnedJpeg(3)), 0, 0)).toEqual([0, 0, 254]);
});

test.each<[string, Uint8Array, string, string]>([
  ['no picture', Uint8Array.of(1, 2, 3), 'UNSUPPORTED', 'neither JPEG nor PNG'],
  ['half a JPEG file', jpegFile.subarray(0, 610), 'INVALID_DOCUMENT', 'Premature end'],
  [
    'a JPEG file without a picture',
    Uint8Array.of(0xff, 0xd8, 0xff, 0xd9),
    'INVALID_DOCUMENT',
    'no frame header',
  ],
  ['a JPEG file that claims too much', claiming(65_000, 65_000), 'PAYLOAD_TOO_LARGE', '65000 x 65000'],
  ['endless scans', withScans(200), 'INVALID_DOCUMENT', '201 scans'],
  ['half a PNG file', grey(4, 4).subarray(0, 50), 'INVALID_DOCUMENT', 'truncated'],
  ['a PNG file that claims too much', grey(40_000, 40_000), 'PAYLOAD_TOO_LARGE', '40000 x 40000'],
  ['a PNG file without rows', grey(4, 4, new Uint8Array()), 'INVALID_DOCUMENT', 'before its last pixel'],
  ['a PNG bomb', grey(4, 4, new Uint8Array(10_000_000)), 'INVALID_DOCUMENT', 'more bytes than pixels'],
  ['another filter', grey(1, 1, Uint8Array.of(9, 0)), 'INVALID_DOCUMENT', 'no filter 9'],
  ['an absent palette', pngFile({ ...one, colourType: 3 }), 'INVALID_DOCUMENT', 'no palette'],
  ['a depth that is none', pngFile({ ...one, depth: 3 }), 'INVALID_DOCUMENT', 'does not exist'],
  [
    'a wrong checksum',
    grey(4, 4).map((byte, at) => (at === 20 ? byte ^ 1 : byte)),
    'INVALID_DOCUMENT',
    'checksum',
  ],
])('%s is refused', async (_, bytes, code, words) => {
  await expect(decodeImage(bytes)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
});

function claiming(width: number, height: number): Uint8Array {
  const frame = jpegFile.findIndex((byte, at) => byte === 0xff && jpegFile[at + 1] === 0xc0);
  const bytes = new DataView(new Uint8Array(jpegFile).buffer);
  bytes.setUint16(frame + 5, height);
  bytes.setUint16(frame + 7, width);
  return new Uint8Array(bytes.buffer);
}

function withScans(count: number): Uint8Array {
  const end = jpegFile.length - 2;
  const scan = [0xff, 0xda, 0, 2];
  return Uint8Array.from([
    ...jpegFile.subarray(0, end),
    ...Array.from({ length: count }, () => scan).flat(),
    0xff,
    0xd9,
  ]);
}

function grey(width: number, height: number, rows = new Uint8Array(20)): Uint8Array {
  return pngFile({ width, height, depth: 8, colourType: 0, rows });
}

test('a damaged picture harms none after it; whatever comes is a picture or a clear error', async () => {
  const valid = [jpegFile, grey(4, 4), turnedJpeg(8)];
  const mutated = fc
    .tuple(fc.constantFrom(...valid), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
    .map(([file, changes, cut]) => {
      const bytes = new Uint8Array(file);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return cut % 4 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
    });
  await fc.assert(
    fc.asyncProperty(mutated, async (bytes) => {
      try {
        const image = await decodeImage(bytes);
        expect(image.data).toHaveLength(image.width * image.height * 3);
      } catch (error) {
        expect(error).toBeInstanceOf(CoveyError);
      }
    }),
    { numRuns: process.env.COVEY_LONG === undefined ? 80 : 1_000 },
  );
  expect((await decodeImage(jpegFile)).width).toBe(16);
});
