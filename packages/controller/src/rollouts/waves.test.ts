import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divideIntoWaves } from './waves.ts';

describe('waves', () => {
  it('keep every device once, in order, and none is empty', () => {
    const size = fc.oneof(
      fc.record({ count: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ percent: fc.double({ min: 0.01, max: 100, noNaN: true }) }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { maxLength: 50 }),
        fc.array(size, { maxLength: 6 }),
        (devices, sizes) => {
          const waves = divideIntoWaves(devices, sizes);
          expect(waves.flat()).toEqual(devices);
          expect(waves.every((wave) => wave.length > 0)).toBe(true);
        },
      ),
    );
  });
  it('round percentages up', () => {
    expect(divideIntoWaves([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [{ percent: 10 }, { percent: 50 }])).toEqual([
      [1, 2],
      [3, 4, 5, 6, 7, 8],
      [9, 10, 11],
    ]);
  });
});
