import type { Tensor } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addSums, errorSums, noError, outputError } from './errors.ts';

function floats(shape: number[], numbers: readonly number[]): Tensor {
  return { datatype: 'FP32', shape, data: new Uint8Array(Float32Array.from(numbers).buffer) };
}

function strings(texts: readonly string[]): Tensor {
  const bytes = texts.flatMap((text) => {
    const encoded = new TextEncoder().encode(text);
    return [...new Uint8Array(Uint32Array.of(encoded.length).buffer), ...encoded];
  });
  return { datatype: 'BYTES', shape: [texts.length], data: Uint8Array.from(bytes) };
}

function errorOf(candidate: Tensor, reference: Tensor) {
  return outputError(errorSums('output', candidate, reference));
}

describe('outputError', () => {
  it('measures numbers and the greatest of each row', () => {
    const reference = floats([2, 2], [3, 0, 0, 4]);
    expect(errorOf(floats([2, 2], [3, 0, 5, 4]), reference)).toEqual({
      relativeError: 1,
      cosine: 25 / (Math.sqrt(50) * 5),
      maxAbsolute: 5,
      topAgreement: 0.5,
    });
  });

  it('decides nothing by a row of one number', () => {
    expect(errorOf(floats([3, 1], [1, 2, 3]), floats([3, 1], [1, 2, 4])).topAgreement).toBeNull();
  });

  it('takes each integer and each string for a decision', () => {
    const labels = (numbers: bigint[]): Tensor => ({
      datatype: 'INT64',
      shape: [numbers.length],
      data: new Uint8Array(BigInt64Array.from(numbers).buffer),
    });
    expect(errorOf(labels([1n, 2n, 3n, 4n]), labels([1n, 2n, 3n, 5n])).topAgreement).toBe(0.75);
    const error = errorOf(strings(['cat', 'dog']), strings(['cat', 'cow']));
    expect(error.topAgreement).toBe(0.5);
    expect(error.relativeError).toBeCloseTo(Math.SQRT1_2);
  });

  it('is without bound, but finite, where one side is no number, and where the shapes differ', () => {
    const broken = { relativeError: Number.MAX_VALUE, cosine: 0, maxAbsolute: Number.MAX_VALUE };
    expect(errorOf(floats([2], [Number.NaN, 1]), floats([2], [0, 1]))).toMatchObject(broken);
    expect(errorOf(floats([2], [0, 1]), floats([2], [Number.NaN, 1]))).toMatchObject(broken);
    const nothing = floats([1, 2], [Number.NaN, Number.NaN]);
    expect(errorOf(nothing, floats([1, 2], [0, 1]))).toEqual({ ...broken, topAgreement: 0 });
    expect(errorOf(floats([2], [Infinity, 1]), floats([2], [-Infinity, 1]))).toMatchObject(broken);
    expect(errorOf(floats([1, 2], [0, 1]), floats([2], [0, 1]))).toMatchObject({
      ...broken,
      topAgreement: 0,
    });
    expect(errorOf(floats([1], [1e-9]), floats([1], [0])).relativeError).toBe(Number.MAX_VALUE);
  });

  it('takes equal numbers that are none for equal', () => {
    const odd = floats([4], [Number.NaN, Infinity, -Infinity, 2]);
    expect(errorOf(odd, odd)).toEqual({ relativeError: 0, cosine: 1, maxAbsolute: 0, topAgreement: 1 });
    expect(errorOf(floats([2], [0, 0]), floats([2], [0, 0])).cosine).toBe(1);
  });

  it('is the same over samples as over all of them at once', () => {
    const row = fc.array(fc.tuple(small, small), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 6 }), (rows) => {
        const side = (values: [number, number][][], of: 0 | 1) =>
          floats(
            [values.length, 3],
            values.flat().map((pair) => pair[of]),
          );
        const whole = errorOf(side(rows, 0), side(rows, 1));
        const sums = rows
          .map((single) => errorSums('output', side([single], 0), side([single], 1)))
          .reduce(addSums, noError);
        const summed = outputError(sums);
        expect(summed.maxAbsolute).toBe(whole.maxAbsolute);
        expect(summed.topAgreement).toBe(whole.topAgreement);
        expect(summed.cosine).toBeCloseTo(whole.cosine, 9);
        if (whole.relativeError < Number.MAX_VALUE)
          expect(summed.relativeError / (whole.relativeError || 1)).toBeCloseTo(
            whole.relativeError === 0 ? 0 : 1,
            9,
          );
      }),
    );
  });
});

const small = fc.integer({ min: -1000, max: 1000 }).map((number) => number / 8);
