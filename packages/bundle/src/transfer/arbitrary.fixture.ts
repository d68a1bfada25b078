import * as fc from 'fast-check';
import type { TensorRange, TransferFile } from './encode.ts';
import type { TransferTarget } from './format.ts';

/** A file to be brought, the file that is there, and the chunks that it is cut into. */
export interface Case {
  file: TransferFile;
  base: TransferFile | undefined;
  target: TransferTarget;
}

const types = ['float32', 'float16', 'bfloat16', 'int32', 'int8', 'uint8', 'other'] as const;

/** Bytes that repeat, count up, or look like nothing, all of them or their upper bits; some of them many. */
const content = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1 }), fc.integer({ min: 4_000, max: 5_000 }), fc.nat(8))
    .map(([seed, length, bits]) => {
      let state = seed;
      return Uint8Array.from({ length }, () => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return (state >>> 24) & (255 >> bits);
      });
    }),
  fc.uint8Array({ maxLength: 400 }),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 60 }))
    .map(([part, times]) =>
      Uint8Array.from({ length: part.length * times }, (_, i) => part[i % part.length] as number),
    ),
  fc
    .tuple(fc.integer(), fc.nat({ max: 3_000 }))
    .map(([seed, length]) =>
      Uint8Array.from({ length }, (_, i) => Math.imul(i + seed, 2_654_435_761) >>> 24),
    ),
  fc
    .tuple(
      fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 40 }),
    )
    .map(([floats, times]) => {
      const all = Float32Array.from(
        { length: floats.length * times },
        (_, i) => (floats[i % floats.length] as number) * (1 + i),
      );
      return new Uint8Array(all.buffer);
    }),
);

/** Tensors anywhere, overlapping and beyond the end too: what a caller says of a file is a hint. */
const tensors = (sizeBytes: number): fc.Arbitrary<TensorRange[]> =>
  fc.array(
    fc.record({
      name: fc.constantFrom('', 'a', 'b', 'c'),
      offset: fc.nat({ max: sizeBytes }),
      sizeBytes: fc.nat({ max: sizeBytes + 8 }),
      type: fc.constantFrom(...types),
      shape: fc.array(fc.nat({ max: 9 }), { maxLength: 3 }),
    }),
    { maxLength: 4 },
  );

const fileOf = (bytes: Uint8Array): fc.Arbitrary<TransferFile> =>
  tensors(bytes.byteLength).map((ranges) => ({ bytes, tensors: ranges }));

/** Another file, or this one with bytes changed, put in or taken out. */
const changed = (bytes: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    content,
    fc
      .array(fc.tuple(fc.nat({ max: Math.max(0, bytes.byteLength - 1) }), fc.nat(255)), { maxLength: 12 })
      .map((edits) => {
        const copy = Uint8Array.from(bytes);
        for (const [at, value] of edits) copy[at] = value;
        return copy;
      }),
    fc
      .tuple(fc.nat({ max: bytes.byteLength }), fc.uint8Array({ maxLength: 30 }), fc.nat({ max: 30 }))
      .map(([at, put, out]) => {
        const rest = bytes.subarray(at + out);
        const all = new Uint8Array(at + put.byteLength + rest.byteLength);
        all.set(bytes.subarray(0, at));
        all.set(put, at);
        all.set(rest, at + put.byteLength);
        return all;
      }),
  );

function cutBy(sizeBytes: number, sizes: readonly number[]): TransferTarget {
  const chunks: { sizeBytes: number }[] = [];
  for (let at = 0, i = 0; at < sizeBytes; i++) {
    const size = Math.min(sizeBytes - at, sizes[i % sizes.length] ?? 1);
    chunks.push({ sizeBytes: size });
    at += size;
  }
  return { sizeBytes, chunks };
}

export const cases: fc.Arbitrary<Case> = content
  .chain((bytes) =>
    fc.tuple(fileOf(bytes), fc.option(changed(bytes).chain(fileOf), { nil: undefined }), fc.boolean()),
  )
  .chain(([base, other, isShared]) =>
    fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 4 }).map((sizes): Case => {
      // Where both have the same tensors, they are compared as weights.
      const file = other && isShared ? { ...other, tensors: base.tensors } : (other ?? base);
      return { file, base: other && base, target: cutBy(file.bytes.byteLength, sizes) };
    }),
  );
