import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPacketScanner } from './packet-guard.ts';

const maxBytes = 300;

/** Remaining length as MQTT 3.1.1, 2.2.3 writes it. */
function lengthField(length: number): number[] {
  const bytes: number[] = [];
  let rest = length;
  do {
    bytes.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return bytes;
}

const packet = (bodyBytes: number) => [
  0x30,
  ...lengthField(bodyBytes),
  ...new Uint8Array(bodyBytes).fill(0xff),
];

/** Scans `bytes` in chunks of the given sizes, over and over. */
function scan(bytes: number[], chunkSizes: readonly number[]): void {
  const accept = createPacketScanner(maxBytes);
  for (let offset = 0, turn = 0; offset < bytes.length; turn++) {
    const size = chunkSizes[turn % chunkSizes.length] ?? 1;
    accept(Uint8Array.from(bytes.slice(offset, offset + size)));
    offset += size;
  }
}

const chunks = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 });
const allowed = fc.array(fc.nat({ max: 297 }), { maxLength: 8 });

test('packets within the limit pass, however they are cut', () => {
  fc.assert(fc.property(allowed, chunks, (sizes, cut) => scan(sizes.flatMap(packet), cut)));
});

test('a packet above the limit is refused on its header, wherever in the stream', () => {
  const tooLarge = fc.integer({ min: 298, max: 268_435_455 });
  fc.assert(
    fc.property(allowed, tooLarge, chunks, (sizes, bodyBytes, cut) => {
      const header = [0x30, ...lengthField(bodyBytes)];
      expect(() => scan([...sizes.flatMap(packet), ...header], cut)).toThrow(
        expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }),
      );
    }),
  );
});

test('a length of five bytes is malformed', () => {
  expect(() => scan([0x10, 0x80, 0x80, 0x80, 0x80], [1])).toThrow(
    expect.objectContaining({ code: 'WIRE_MALFORMED' }),
  );
});
