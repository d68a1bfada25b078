import type { Tensor, Tolerance } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareWithGolden } from './golden.ts';

const floats = (shape: number[], values: readonly number[]): Tensor => ({
  datatype: 'FP32',
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});

/** What is off, or undefined. */
function fault(
  actual: Record<string, Tensor>,
  expected: Record<string, Tensor>,
  tolerance: Tolerance,
): string | undefined {
  try {
    compareWithGolden(actual, expected, [tolerance]);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ code: 'GOLDEN_MISMATCH' });
    return (error as Error).message;
  }
}

const rows = (...values: number[][]) => ({
  y: floats([values.length, values[0]?.length ?? 0], values.flat()),
});

test('elements: infinity is right where it is expected, and nowhere else', () => {
  const tolerance: Tolerance = { kind: 'elements', absolute: 1, relative: 1 };
  expect(fault(rows([Infinity]), rows([Infinity]), tolerance)).toBeUndefined();
  expect(fault(rows([1]), rows([Infinity]), tolerance)).toContain('expected Infinity, got 1');
  expect(fault(rows([Infinity]), rows([1]), tolerance)).toContain('expected 1, got Infinity');
});

describe('relative error', () => {
  const tolerance: Tolerance = { kind: 'relative-error', output: 'y', absolute: 0, relative: 0.1 };

  test('is of the whole output: one element may be far off where the others are large', () => {
    const expected = rows([100, 100, 0.1]);
    expect(fault(rows([100, 100, 5]), expected, tolerance)).toBeUndefined();
    expect(fault(rows([100, 100, 50]), expected, tolerance)).toContain('root mean square error is 28.81');
  });

  test('near zero the absolute part decides', () => {
    expect(fault(rows([0.01, 0]), rows([0, 0]), tolerance)).toContain('output y');
    expect(fault(rows([0.01, 0]), rows([0, 0]), { ...tolerance, absolute: 0.01 })).toBeUndefined();
  });

  test('NaN and infinity are right where they are expected, and nowhere else', () => {
    expect(fault(rows([Number.NaN, 1]), rows([Number.NaN, 1]), tolerance)).toBeUndefined();
    expect(fault(rows([Infinity, 1]), rows([Infinity, 1]), tolerance)).toBeUndefined();
    for (const [a, b] of [
      [Number.NaN, 1],
      [1, Number.NaN],
      [Infinity, 1],
      [1, Infinity],
      [-Infinity, Infinity],
    ] as const)
      expect(fault(rows([a, 1]), rows([b, 1]), tolerance), `${a} for ${b}`).toBeDefined();
  });

  test('whole numbers are equal', () => {
    const labels = (...values: number[]) => ({
      y: {
        datatype: 'INT64' as const,
        shape: [values.length],
        data: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
      },
    });
    expect(fault(labels(1, 2), labels(1, 2), tolerance)).toBeUndefined();
    expect(fault(labels(100, 2), labels(101, 2), tolerance)).toContain('expected 101, got 100');
  });
});

describe('classes', () => {
  const tolerance: Tolerance = { kind: 'classes', output: 'y', margin: 0.05 };

  test('scores may move as long as the same one is greatest', () => {
    expect(fault(rows([0.4, 0.5]), rows([0.1, 0.9]), tolerance)).toBeUndefined();
    expect(fault(rows([0.6, 0.5]), rows([0.1, 0.9]), tolerance)).toBe(
      'output y: row 0: expected class 1, got 0 (0.8 below it)',
    );
  });

  test('what was nearly a tie may fall either way', () => {
    expect(fault(rows([0.6, 0.4]), rows([0.48, 0.52]), tolerance)).toBeUndefined();
    expect(fault(rows([0.6, 0.4]), rows([0.47, 0.53]), tolerance)).toContain('expected class 1');
  });

  test('every row counts, and a NaN decides nothing', () => {
    const expected = rows([0, 1], [1, 0]);
    expect(fault(rows([0, 1], [0, 1]), expected, tolerance)).toContain('row 1');
    expect(fault(rows([0, 1], [1, Number.NaN]), expected, tolerance)).toContain('row 1 decides nothing');
    expect(fault(rows([0, 1], [1, 0]), rows([0, 1], [Number.NaN, 0]), tolerance)).toBeDefined();
  });
});

describe('boxes', () => {
  const tolerance: Tolerance = {
    kind: 'boxes',
    boxes: 'boxes',
    scores: 'scores',
    background: 0,
    threshold: 0.7,
    suppression: 0.3,
    overlap: 0.7,
    scoreDifference: 0.1,
  };
  type Box = [left: number, top: number, right: number, bottom: number, score: number];
  const found = (...boxes: Box[]) => ({
    boxes: floats(
      [1, boxes.length, 4],
      boxes.flatMap((box) => box.slice(0, 4)),
    ),
    scores: floats(
      [1, boxes.length, 2],
      boxes.flatMap(([, , , , score]) => [1 - score, score]),
    ),
  });
  const face: Box = [0.1, 0.1, 0.3, 0.3, 0.95];
  const nothing: Box = [0, 0, 0, 0, 0.01];

  test.each<[string, Box[], Box[], string | undefined]>([
    ['a box that moves a little', [[0.11, 0.1, 0.31, 0.3, 0.9]], [face], undefined],
    ['a box that moves far', [[0.2, 0.1, 0.4, 0.3, 0.95]], [face], 'which is not found'],
    ['a score that falls far', [[0.1, 0.1, 0.3, 0.3, 0.8]], [face], 'which is not found'],
    ['a box that is lost', [nothing], [face], 'which is not found'],
    ['a box that nobody expects', [[0.1, 0.1, 0.3, 0.3, 0.9]], [nothing], 'which is not expected'],
    [
      'a score on the other side of the threshold',
      [[0.1, 0.1, 0.3, 0.3, 0.68]],
      [[0.1, 0.1, 0.3, 0.3, 0.72]],
      undefined,
    ],
    ['another anchor of the same face', [nothing, face], [face, nothing], undefined],
    ['a double that suppression removes', [face, [0.11, 0.1, 0.31, 0.3, 0.9]], [face, nothing], undefined],
    ['nothing on either side', [nothing], [nothing], undefined],
    ['corners that are no numbers', [[Number.NaN, 0.1, 0.3, 0.3, 0.95]], [face], 'which is not found'],
  ])('%s', (_, actual, expected, words) => {
    const message = fault(found(...actual), found(...expected), tolerance);
    if (words === undefined) expect(message).toBeUndefined();
    else expect(message).toContain(words);
  });

  test('shapes that hold no boxes are refused', () => {
    const wrong = { boxes: floats([1, 2, 3], [0, 0, 0, 0, 0, 0]), scores: floats([1, 2, 2], [0, 0, 0, 0]) };
    expect(fault(wrong, wrong, tolerance)).toContain('holds no boxes');
  });

  test('outputs agree with themselves, whatever they are, unless a score is no number', () => {
    const box = fc.tuple(fc.float(), fc.float(), fc.float(), fc.float(), fc.float({ noNaN: true }));
    const sane = fc
      .tuple(fc.float({ min: 0, max: 1, noNaN: true }), fc.float({ min: 0, max: 1, noNaN: true }))
      .map(([x, y]): Box => [x, y, x + 0.25, y + 0.5, 0.9]);
    fc.assert(
      fc.property(fc.array(sane, { minLength: 1 }), (boxes) => {
        expect(fault(found(...boxes), found(...boxes), tolerance)).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.array(box, { minLength: 1 }), (boxes) => {
        fault(found(...boxes), found(...boxes), tolerance);
      }),
    );
  });

  test('ten thousand boxes on each other take no more than a moment', () => {
    const crowd = found(...Array.from({ length: 20_000 }, (_, i): Box => [i, 0, i + 1, 1, 0.9]));
    const startMs = performance.now();
    expect(fault(crowd, crowd, tolerance)).toBeUndefined();
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });
});
