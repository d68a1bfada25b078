import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Affine, affineOf, type IntegerType, integerTypes, quantize, spanOf } from './affine.ts';

const finite = fc.float({
  noNaN: true,
  noDefaultInfinity: true,
  min: Math.fround(-1e30),
  max: Math.fround(1e30),
});
const ranges = fc.tuple(finite, finite).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }));
const types = fc.constantFrom<IntegerType>(...Object.values(integerTypes));
const real = (integer: number, { scale, zeroPoint }: Affine) => (integer - zeroPoint) * scale;

describe('affineOf', () => {
  test('zero is exact, and the zero point is an integer of the type', () => {
    fc.assert(
      fc.property(ranges, types, fc.boolean(), (range, type, symmetric) => {
        const affine = affineOf(range, type, symmetric);
        expect(real(quantize(0, affine, type), affine)).toBe(0);
        expect(affine.zeroPoint).toBeGreaterThanOrEqual(type.min);
        expect(affine.zeroPoint).toBeLessThanOrEqual(type.max);
        expect(affine.scale).toBeGreaterThan(0);
        expect(Math.fround(affine.scale)).toBe(affine.scale);
      }),
    );
  });

  test('values of the range come back within half a step, one at the edges where zero was moved to an integer', () => {
    fc.assert(
      fc.property(
        ranges,
        types,
        fc.boolean(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (range, type, symmetric, share) => {
          const value = range.min + (range.max - range.min) * share;
          const affine = affineOf(range, type, symmetric);
          const error = Math.abs(real(quantize(value, affine, type), affine) - value);
          expect(error).toBeLessThanOrEqual(affine.scale * (1 + 1e-5));
          const span = spanOf(affine, type);
          if (value >= span.min && value <= span.max)
            expect(error).toBeLessThanOrEqual(affine.scale * 0.50001);
        },
      ),
    );
  });

  test('symmetric keeps the middle at zero', () => {
    expect(affineOf({ min: -1, max: 3 }, integerTypes.int8, true)).toEqual({
      scale: Math.fround(3 / 127),
      zeroPoint: 0,
    });
    expect(affineOf({ min: -1, max: 3 }, integerTypes.int7, true)).toEqual({
      scale: Math.fround(3 / 64),
      zeroPoint: 0,
    });
    expect(affineOf({ min: -1, max: 3 }, integerTypes.uint8, true).zeroPoint).toBe(128);
  });

  test.each([
    [{ min: 0, max: 0 }, 1],
    [{ min: 0, max: 1e-45 }, 2 ** -60],
    [{ min: -3.4e38, max: 3.4e38 }, Math.fround(3.4028234663852886e38 / 255)],
  ])('a degenerate range %o has the scale %d', (range, scale) => {
    expect(affineOf(range, integerTypes.uint8, false).scale).toBe(scale);
  });
});
