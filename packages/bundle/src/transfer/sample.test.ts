import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { codePlain } from './plain.ts';
import { BitReader, BitWriter } from './range-coder.ts';
import { withoutContexts } from './sample.ts';

const noiseOf = fc.array(fc.nat(8), { minLength: 1, maxLength: 4 });

test('bytes each for themselves come out as they went in, whatever is taken for noise', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), noiseOf, fc.nat(7), (bytes, noise, ahead) => {
      const writer = new BitWriter();
      writer.raw(0, ahead);
      codePlain(writer, Uint8Array.from(bytes), { noise });
      const reader = new BitReader(writer.finish());
      reader.raw(0, ahead);
      const read = new Uint8Array(bytes.length);
      codePlain(reader, read, { noise });
      reader.finish();
      expect(read).toEqual(bytes);
    }),
  );
});

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
function noise(sizeBytes: number, seed = 1): Uint8Array {
  const uniform = random(seed);
  return Uint8Array.from({ length: sizeBytes }, () => uniform() * 256);
}
/** As weights of eight bits are: of many levels, those near zero more often. */
function levels(sizeBytes: number, seed: number): Uint8Array {
  const uniform = random(seed);
  return Uint8Array.from({ length: sizeBytes }, () => (uniform() + uniform() + uniform() - 1.5) * 120);
}
const text = (sizeBytes: number) =>
  new TextEncoder().encode(
    Array.from(
      { length: sizeBytes / 8 },
      (_, i) => `{"index":${i},"value":${Math.imul(i, 2_654_435_761) >>> 20}}`,
    )
      .join()
      .slice(0, sizeBytes),
  );
const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
/** What is found for all of `bytes`, which may have stood in `window`. */
function found(bytes: Uint8Array, window: Uint8Array = new Uint8Array(0)) {
  const base = { bytes: window, tensors: [] };
  const span = {
    kind: 'bytes' as const,
    sizeBytes: bytes.length,
    base: { offset: 0, sizeBytes: window.length },
  };
  return withoutContexts({ file: { bytes, tensors: [] }, base, blocks: undefined }, 0, span);
}
const sizeBytes = 64 * 1024;

test('noise goes as it is, weights by how often each level comes: also beside others that came before', () => {
  const bare = { kind: 'plain', sizeBytes };
  expect(found(noise(sizeBytes))).toEqual({ ...bare, noise: [8] });
  expect(found(noise(sizeBytes), noise(sizeBytes, 2))).toEqual({ ...bare, noise: [8] });
  expect(found(noise(sizeBytes).map((byte) => byte & 63))).toEqual({ ...bare, noise: [6] });
  const [coded, beside] = [found(levels(sizeBytes, 1)), found(levels(sizeBytes, 1), levels(sizeBytes, 2))];
  expect(beside).toEqual(coded);
  expect(coded).toMatchObject({ kind: 'plain', noise: [expect.toSatisfy((bits) => bits > 1 && bits < 6)] });
  // Floats that nobody has named: their upper bytes are no noise.
  const floats = Float32Array.from({ length: sizeBytes / 4 }, random(3));
  expect(found(new Uint8Array(floats.buffer))).toMatchObject({ noise: [8, 8, expect.any(Number), 0] });
});

test('what contexts make smaller is left to them: structure, and what stood there before, wherever it lies', () => {
  expect(found(text(sizeBytes))).toBeUndefined();
  expect(found(joined(noise(sizeBytes / 2), text(sizeBytes / 2)))).toBeUndefined();
  expect(found(joined(noise(3), noise(sizeBytes / 2), noise(sizeBytes / 2)))).toBeUndefined();
  const moved = joined(noise(7_001, 2), noise(sizeBytes).subarray(20_000, 26_000), noise(sizeBytes, 3));
  expect(found(moved, noise(sizeBytes))).toBeUndefined();
  expect(found(noise(1_000))).toBeUndefined();
});
