import type { Stage, Tensor } from '@covey/protocol';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type NumberStep, runStep } from './step.ts';

const floats = (values: number[], shape = [values.length]): Tensor => ({
  datatype: 'FP32',
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});
const readers = {
  FP32: (tensor: Tensor) => [...new Float32Array(tensor.data.slice().buffer)],
  INT32: (tensor: Tensor) => [...new Int32Array(tensor.data.slice().buffer)],
  INT64: (tensor: Tensor) => [...new BigInt64Array(tensor.data.slice().buffer)].map(Number),
};
const read = (tensor: Tensor | undefined) => {
  if (tensor?.datatype !== 'FP32' && tensor?.datatype !== 'INT32' && tensor?.datatype !== 'INT64')
    throw new Error('no tensor of numbers');
  return { shape: tensor.shape, values: readers[tensor.datatype](tensor) };
};
const run = async (step: NumberStep, ...inputs: Tensor[]) => (await runStep(step, inputs)).map(read);
const oneToOne = { input: 'x', output: 'y' };
const rows = fc.array(
  fc.array(fc.float({ min: -50, max: 50, noNaN: true }), { minLength: 3, maxLength: 3 }),
  {
    minLength: 1,
    maxLength: 5,
  },
);

describe('what is done with numbers', () => {
  test('softmax: shares of one in the order of the scores, however large these are', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.constantFrom(1, 1_000), async (scores, factor) => {
        const scaled = scores.map((row) => row.map((score) => Math.fround(score * factor)));
        const [given] = await run(
          { kind: 'softmax', ...oneToOne },
          floats(scaled.flat(), [scores.length, 3]),
        );
        expect(given?.shape).toEqual([scores.length, 3]);
        for (const [i, row] of scaled.entries()) {
          const shares = given?.values.slice(3 * i, 3 * i + 3) ?? [];
          expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
          const greatest = Math.max(...row);
          const weights = row.map((score) => Math.exp(score - greatest));
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          for (const [k, share] of shares.entries()) expect(share).toBeCloseTo((weights[k] ?? 0) / total, 5);
        }
      }),
    );
  });

  test('sigmoid, and normalize along any axis, also of bytes', async () => {
    expect((await run({ kind: 'sigmoid', ...oneToOne }, floats([0, 100, -100])))[0]?.values).toEqual(
      [0.5, 1, 0].map((value, i) => (i === 2 ? Math.fround(1 / (1 + Math.exp(100))) : value)),
    );
    const stage = { kind: 'normalize' as const, ...oneToOne, mean: [1, 2], scale: [2, 4] };
    const bytes: Tensor = { datatype: 'UINT8', shape: [2, 2], data: Uint8Array.of(1, 2, 3, 6) };
    expect((await run({ ...stage, axis: -1 }, bytes))[0]).toEqual({ shape: [2, 2], values: [0, 0, 1, 1] });
    expect((await run({ ...stage, axis: 0 }, bytes))[0]?.values).toEqual([0, 0.5, 0.25, 1]);
    expect((await run({ ...stage, axis: 0, mean: [1], scale: [1] }, bytes))[0]?.values).toEqual([0, 1, 2, 5]);
    await expect(run({ ...stage, axis: 0, mean: [1, 2, 3] }, bytes)).rejects.toThrow(
      '3 numbers along a dimension of 2',
    );
  });

  test('FP16 and data that are not aligned are read as they are', async () => {
    const halves = new Uint8Array(Float16Array.of(0, 1).buffer);
    const shifted = new Uint8Array(5);
    shifted.set(halves, 1);
    const input: Tensor = { datatype: 'FP16', shape: [2], data: shifted.subarray(1) };
    expect((await run({ kind: 'softmax', ...oneToOne }, input))[0]?.values[1]).toBeCloseTo(
      1 / (1 + Math.exp(-1)),
      5,
    );
  });

  test('select takes one index out of an axis, as nested arrays would', async () => {
    const values = Array.from({ length: 24 }, (_, i) => i);
    const input = floats(values, [2, 3, 4]);
    const at = async (axis: number, index: number) =>
      (await run({ kind: 'select', ...oneToOne, axis, index }, input))[0];
    expect(await at(0, 1)).toEqual({ shape: [3, 4], values: values.slice(12) });
    expect(await at(1, 2)).toEqual({ shape: [2, 4], values: [8, 9, 10, 11, 20, 21, 22, 23] });
    expect(await at(-1, 0)).toEqual({ shape: [2, 3], values: [0, 4, 8, 12, 16, 20] });
    await expect(at(0, 2)).rejects.toThrow('there is no index 2 in a dimension of 2');
    await expect(at(3, 0)).rejects.toThrow('there is no axis 3');
  });

  test('argmax and top-k: greatest first, equals by place, NaN last', async () => {
    const input = floats([1, 3, 3, Number.NaN, 2, Number.NEGATIVE_INFINITY], [2, 3]);
    expect((await run({ kind: 'argmax', ...oneToOne }, input))[0]).toEqual({ shape: [2], values: [1, 1] });
    const top = { kind: 'top-k', input: 'x', k: 2, values: 'v', indices: 'i' } as const;
    const [values, indices] = await run(top, input);
    expect(values).toEqual({ shape: [2, 2], values: [3, 3, 2, Number.NEGATIVE_INFINITY] });
    expect(indices).toEqual({ shape: [2, 2], values: [1, 2, 1, 2] });
    await expect(run({ ...top, k: 4 }, input)).rejects.toThrow('there are no 4 greatest of 3');
  });

  test('top-k is the head of a sort', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.float({ noNaN: true }), { minLength: 1 }),
        fc.nat(),
        async (values, any) => {
          const k = 1 + (any % values.length);
          const [given] = await run(
            { kind: 'top-k', input: 'x', k, values: 'v', indices: 'i' },
            floats(values),
          );
          // -0 and 0 are equal, and stay in their order.
          expect(given?.values.map((value) => value + 0)).toEqual(
            values
              .toSorted((a, b) => b - a)
              .slice(0, k)
              .map((value) => value + 0),
          );
        },
      ),
    );
  });

  test('a constant has as many rows as it is told to follow', async () => {
    const stage = { kind: 'constant' as const, output: 'y', shape: [2, -1], value: 7, rowsOf: 'x' };
    const [given] = await run({ ...stage, datatype: 'INT64' }, floats([1, 2, 3], [3, 1]));
    expect(given).toEqual({ shape: [2, 3], values: [7, 7, 7, 7, 7, 7] });
    expect(
      await runStep({ ...stage, datatype: 'INT64', shape: [], rowsOf: undefined } as NumberStep, []),
    ).toMatchObject([{ shape: [] }]);
    await expect(
      run({ ...stage, datatype: 'FP64', shape: [1024 * 1024, -1] }, floats(Array(50).fill(0))),
    ).rejects.toThrow('at most');
  });
});

describe('non-maximum suppression', () => {
  const stage: Extract<Stage, { kind: 'non-maximum-suppression' }> = {
    kind: 'non-maximum-suppression',
    boxes: 'b',
    scores: 's',
    background: null,
    threshold: 0.5,
    suppression: 0.4,
    perClass: true,
    most: 10,
    outputs: { boxes: 'b2', scores: 's2', classes: 'c2' },
  };
  const boxes = [0, 0, 10, 10, 1, 0, 11, 10, 20, 20, 30, 30];

  test('the better of two that overlap stays, of one class or of any', async () => {
    const scores = [0.9, 0, 0.8, 0, 0.7, 0].map(Math.fround);
    const given = await run(stage, floats(boxes, [3, 4]), floats(scores, [3, 2]));
    expect(given[0]).toEqual({ shape: [2, 4], values: [0, 0, 10, 10, 20, 20, 30, 30] });
    expect(given[1]?.values).toEqual([0.9, 0.7].map(Math.fround));
    const twoClasses = floats([0.9, 0, 0, 0.8, 0, 0.7].map(Math.fround), [3, 2]);
    expect((await run(stage, floats(boxes, [3, 4]), twoClasses))[2]?.values).toEqual([0, 1, 1]);
    expect((await run({ ...stage, perClass: false }, floats(boxes, [3, 4]), twoClasses))[2]?.values).toEqual([
      0, 1,
    ]);
    expect((await run({ ...stage, background: 1 }, floats(boxes, [3, 4]), twoClasses))[2]?.values).toEqual([
      0,
    ]);
  });

  test('rows are apart, and nothing is found where nothing is', async () => {
    const two = floats([...boxes, ...boxes], [2, 3, 4]);
    const scores = floats([0.9, 0.8, 0.1, 0.1, 0.2, 0.6], [2, 3, 1]);
    const given = await run(stage, two, scores);
    expect(given[3]?.values).toEqual([0, 1]);
    expect(given[0]?.values).toEqual([0, 0, 10, 10, 20, 20, 30, 30]);
    const none = await run(stage, two, floats([0, 0, 0, Number.NaN, 0, 0], [2, 3, 1]));
    expect(none.map(({ shape }) => shape)).toEqual([[0, 4], [0], [0], [0]]);
    await expect(run(stage, two, floats([1, 1], [2, 1]))).rejects.toThrow(
      'holds no boxes for scores of [2,1]',
    );
  });

  test('whatever the boxes, none kept overlaps a better one kept, and none dropped was needless', async () => {
    const box = fc.array(fc.float({ min: 0, max: 10, noNaN: true }), { minLength: 5, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(box, { maxLength: 30 }), async (list) => {
        const corners = list.flatMap(([x = 0, y = 0, width = 0, height = 0]) => [
          x,
          y,
          x + width,
          y + height,
        ]);
        const scores = list.map(([, , , , score = 0]) => score / 10);
        const given = await run(
          { ...stage, most: 100 },
          floats(corners, [list.length, 4]),
          floats(scores, [list.length, 1]),
        );
        const kept = (given[0]?.values ?? []).length / 4;
        const at = (values: number[], i: number) => values.slice(4 * i, 4 * i + 4);
        for (let i = 0; i < kept; i++) {
          for (let k = 0; k < i; k++) {
            const shared = overlapOf(at(given[0]?.values ?? [], k), at(given[0]?.values ?? [], i));
            expect(Number.isNaN(shared) || shared <= 0.4 + 1e-5).toBe(true);
          }
        }
        const good = scores.filter((score) => Math.fround(score) >= 0.5);
        expect(kept > 0).toBe(good.length > 0);
        expect(given[1]?.values).toEqual((given[1]?.values ?? []).toSorted((a, b) => b - a));
      }),
    );
  });
});

function overlapOf(
  [l = 0, t = 0, r = 0, b = 0]: number[],
  [l2 = 0, t2 = 0, r2 = 0, b2 = 0]: number[],
): number {
  const shared =
    Math.max(0, Math.min(r, r2) - Math.max(l, l2)) * Math.max(0, Math.min(b, b2) - Math.max(t, t2));
  return shared / ((r - l) * (b - t) + (r2 - l2) * (b2 - t2) - shared);
}
