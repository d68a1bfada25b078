import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { waves } from '../edit/edit.fixture.ts';
import { createNode } from '../model/index.ts';
import { conversionCost, costOf } from './cost.ts';

const conv = (group = 1) => createNode('Conv', ['x', 'w'], ['y'], { group });

/** How many times faster than fp32 a convolution is on integers. */
function gainOf(channels: number, depth: number, kernel: number, side: number, group = 1): number {
  const weight = waves('w', [channels, depth / group, kernel, kernel]);
  const { floats, integers } = costOf(conv(group), weight, [1, channels, side, side], false);
  return floats / integers;
}

describe('costOf', () => {
  test('convolutions gain by integers where they have many channels, and lose where they are depthwise or cannot be packed', () => {
    expect(gainOf(64, 64, 3, 32)).toBeGreaterThan(2);
    expect(gainOf(256, 256, 1, 16)).toBeGreaterThan(2);
    expect(gainOf(64, 64, 3, 32)).toBeGreaterThan(gainOf(16, 16, 3, 32));
    expect(gainOf(64, 64, 3, 32, 64)).toBeLessThan(1);
    expect(gainOf(64, 63, 3, 32)).toBeLessThan(1);
  });

  test('a product for one row gains by the smaller weight', () => {
    const { floats, integers } = costOf(
      createNode('Gemm', ['x', 'w'], ['y']),
      waves('w', [1024, 1024]),
      [1, 1024],
      false,
    );
    expect(floats / integers).toBeGreaterThan(3);
    const transposed = createNode('Gemm', ['x', 'w'], ['y'], { transB: 1 });
    const wide = costOf(transposed, waves('w', [10, 1000]), [64, 10], false);
    expect(wide).toEqual(
      costOf(createNode('MatMul', ['x', 'w'], ['y']), waves('w', [1000, 10]), [64, 10], false),
    );
  });

  test('without a weight, integers that are only moved cost less than fp32, rescaled ones more', () => {
    const shape = [1, 32, 40, 40];
    const moved = costOf(createNode('MaxPool', ['x'], ['y']), undefined, shape, true);
    const rescaled = costOf(createNode('Add', ['x', 'z'], ['y']), undefined, shape, false);
    expect(moved.integers).toBeLessThan(moved.floats);
    expect(rescaled.integers).toBeGreaterThan(rescaled.floats);
  });

  test('costs are positive, and grow with what is computed; what is not known counts as one', () => {
    const size = fc.integer({ min: 1, max: 64 });
    fc.assert(
      fc.property(size, size, fc.constantFrom(1, 3), size, (channels, depth, kernel, side) => {
        const weight = waves('w', [channels, depth, kernel, kernel]);
        const at = (length: number) => costOf(conv(), weight, [1, channels, length, length], false);
        for (const kind of ['floats', 'integers'] as const) {
          expect(at(side)[kind]).toBeGreaterThan(0);
          expect(at(side + 1)[kind]).toBeGreaterThan(at(side)[kind]);
        }
      }),
      { numRuns: 50 },
    );
    expect(conversionCost([4, 'rows', null])).toBe(conversionCost([4]));
    expect(conversionCost(undefined)).toBe(conversionCost([1]));
    expect(conversionCost([1000])).toBeGreaterThan(conversionCost([10]));
  });
});
