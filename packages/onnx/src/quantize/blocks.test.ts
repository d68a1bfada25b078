import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createConstant, elementTypes } from '../model/index.ts';
import { integerTypes } from './affine.ts';
import { checkBlockSize, packNibbles, quantizeBlocks } from './blocks.ts';

describe('quantizeBlocks', () => {
  test('each element is within half a step of its block, along either axis', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom(0, 1),
        fc.boolean(),
        fc.infiniteStream(fc.float({ min: -10, max: 10, noNaN: true })),
        (rows, columns, axis, symmetric, stream) => {
          const values = Float32Array.from({ length: rows * columns }, () => stream.next().value ?? 0);
          const weight = createConstant('w', elementTypes.FLOAT, [rows, columns], values);
          const { codes, affines, dims } = quantizeBlocks(weight, axis, 16, integerTypes.uint8, symmetric);
          expect(dims).toEqual(
            axis === 0 ? [Math.ceil(rows / 16), columns] : [rows, Math.ceil(columns / 16)],
          );
          for (const [i, value] of values.entries()) {
            const [row, column] = [Math.floor(i / columns), i % columns];
            const block =
              axis === 0
                ? Math.floor(row / 16) * columns + column
                : row * (dims[1] ?? 1) + Math.floor(column / 16);
            const { scale, zeroPoint } = affines[block] ?? { scale: 0, zeroPoint: 0 };
            expect(Math.abs(((codes[i] ?? 0) - zeroPoint) * scale - value)).toBeLessThanOrEqual(
              scale * 1.001,
            );
          }
        },
      ),
    );
  });

  test('a weight that is not finite is refused by name', () => {
    const weight = createConstant('bad', elementTypes.FLOAT, [2], Float32Array.of(1, Number.NaN));
    expect(() => quantizeBlocks(weight, 0, 16, integerTypes.int8, true)).toThrow(/"bad" holds NaN/);
  });
});

test('packNibbles puts the first of two in the low half', () => {
  expect([...packNibbles(Uint8Array.of(1, 2, 15))]).toEqual([0x21, 0x0f]);
});

test('checkBlockSize refuses what ONNX Runtime does not compute with', () => {
  expect(() => checkBlockSize(24)).toThrow(/blocks of 24/);
  expect(() => checkBlockSize(32)).not.toThrow();
});
