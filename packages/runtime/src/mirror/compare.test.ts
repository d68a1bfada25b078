import type { Tensor } from '@covey/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { agree, distanceOf, type Outcome } from './compare.ts';

const floats = (values: number[], shape = [values.length]): Tensor => ({
  datatype: 'FP32',
  shape,
  data: new Uint8Array(new Float32Array(values).buffer),
});
const labels = (...values: number[]): Tensor => ({
  datatype: 'INT32',
  shape: [values.length],
  data: new Uint8Array(new Int32Array(values).buffer),
});
const outcome = (y: Tensor, classNames?: string[]): Outcome => ({
  outputs: { y },
  classification: classNames && { output: 'y', classNames },
});

test('classes: every row must name the same class, by name and not by place', () => {
  const names = ['cat', 'dog'];
  const a = outcome(floats([0.9, 0.1, 0.2, 0.8], [2, 2]), names);
  expect(agree(a, outcome(floats([0.6, 0.4, 0.4, 0.6], [2, 2]), names))).toBe(true);
  expect(agree(a, outcome(floats([0.6, 0.4, 0.6, 0.4], [2, 2]), names))).toBe(false);
  expect(agree(a, outcome(floats([0.1, 0.9, 0.8, 0.2], [2, 2]), ['dog', 'cat']))).toBe(true);
});

test('floats without classes: the relative error decides, and noise around zero does not', () => {
  const a = outcome(floats([100, 200, 300]));
  expect(agree(a, outcome(floats([104, 204, 304])))).toBe(true);
  expect(agree(a, outcome(floats([100, 200, 330])))).toBe(false);
  expect(agree(outcome(floats([1e-4, 0])), outcome(floats([0, -1e-4])))).toBe(true);
});

test('NaN or infinity on one side is a disagreement, on both sides the same answer', () => {
  for (const odd of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(agree(outcome(floats([1, odd])), outcome(floats([1, 1])))).toBe(false);
    expect(agree(outcome(floats([1, 1])), outcome(floats([1, odd])))).toBe(false);
    expect(agree(outcome(floats([1, odd])), outcome(floats([1, odd])))).toBe(true);
  }
});

test('integers must be equal, shapes too; with no output in common there is nothing to say', () => {
  expect(agree(outcome(labels(1, 1000)), outcome(labels(1, 1000)))).toBe(true);
  expect(agree(outcome(labels(1, 1000)), outcome(labels(1, 1001)))).toBe(false);
  expect(agree(outcome(floats([1, 2])), outcome(floats([1, 2], [1, 2])))).toBe(false);
  const other: Outcome = { outputs: { z: floats([1]) }, classification: undefined };
  expect(agree(outcome(floats([1])), other)).toBeUndefined();
});

test('whatever a version answers, it agrees with itself', () => {
  fc.assert(
    fc.property(fc.array(fc.float()), (values) => {
      expect(agree(outcome(floats(values)), outcome(floats(values)))).toBe(true);
    }),
  );
});

test('the distance is the relative error of all floats together', () => {
  const one = outcome(floats([3, 4]));
  expect(distanceOf(outcome(floats([3, 4])), one)).toBe(0);
  expect(distanceOf(outcome(floats([3.5, 4])), one)).toBeCloseTo(0.1);
  expect(distanceOf(outcome(floats([Number.NaN, 4])), one)).toBe(Number.POSITIVE_INFINITY);
  expect(distanceOf(one, outcome(floats([0, 0])))).toBe(1);
  expect(distanceOf(outcome(floats([0, 0])), outcome(floats([0, 0])))).toBe(0);
  expect(distanceOf(outcome(labels(1)), outcome(labels(2)))).toBeUndefined();
  expect(distanceOf(outcome(floats([3, 4], [1, 2])), one)).toBeUndefined();
});
