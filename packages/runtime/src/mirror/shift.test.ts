import type { Tensor } from '@covey/protocol';
import { expect, test } from 'vitest';
import type { Outcome } from './compare.ts';
import { OutputShift } from './shift.ts';

const outcome = (values: number[], classNames?: string[]): Outcome => ({
  outputs: {
    y: {
      datatype: 'FP32',
      shape: [1, values.length],
      data: new Uint8Array(new Float32Array(values).buffer),
    } satisfies Tensor,
  },
  classification: classNames && { output: 'y', classNames },
});

test('answers are counted by class name, whatever the order of the names: where only one version said it', () => {
  const shift = new OutputShift();
  const [one, two] = [
    ['ok', 'fault'],
    ['fault', 'ok'],
  ];
  shift.add(outcome([0.9, 0.1], one), outcome([0.2, 0.8], two));
  expect(shift).toMatchObject({ gained: [0], lost: [0] });
  for (let i = 0; i < 3; i++) shift.add(outcome([0.1, 0.9], one), outcome([0.2, 0.8], two));
  shift.add(outcome([0.9, 0.1], one), outcome([0.8, 0.2], two));
  expect(shift).toMatchObject({ gained: [1, 3], lost: [3, 1] });
});

test('numbers fall between the quartiles of the first answers of the old version, which are not counted', () => {
  const shift = new OutputShift();
  for (let i = 0; i < 40; i++) shift.add(outcome([1_000, 1_000]), outcome([i, i]));
  expect(shift).toMatchObject({ gained: [], lost: [] });
  for (let i = 0; i < 10; i++) shift.add(outcome([35, 39]), outcome([0, 1]));
  shift.add(outcome([5]), outcome([6]));
  shift.add(outcome([Number.NaN]), outcome([6]));
  expect(shift).toMatchObject({ gained: [10, 0, 1], lost: [0, 11, 0] });
});

test('outputs that are neither are not counted', () => {
  const shift = new OutputShift();
  const labels: Outcome = {
    outputs: { y: { datatype: 'INT32', shape: [1], data: new Uint8Array(4) } },
    classification: undefined,
  };
  shift.add(labels, labels);
  expect(shift).toMatchObject({ gained: [], lost: [] });
});
