import type { ModelSchema, Tensor } from '@covey/protocol';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Tensors } from '../tensors/index.ts';
import { Joiner, splitOutputs } from './join.ts';

const schema: ModelSchema = {
  inputs: [
    { name: 'first', datatype: 'FP32', shape: [-1, 3] },
    { name: 'second', datatype: 'INT16', shape: [2, -1, 2] },
    { name: 'shared', datatype: 'UINT8', shape: [2] },
  ],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 3] }],
};

const tensorOf = (datatype: Tensor['datatype'], shape: number[], bytes: number[]): Tensor => ({
  datatype,
  shape,
  data: Uint8Array.from(bytes),
});
const request = fc.integer({ min: 1, max: 5 }).chain((rows) =>
  fc.record({
    first: fc
      .array(fc.integer({ min: 0, max: 255 }), { minLength: rows * 12, maxLength: rows * 12 })
      .map((bytes) => tensorOf('FP32', [rows, 3], bytes)),
    second: fc
      .array(fc.integer({ min: 0, max: 255 }), { minLength: rows * 8, maxLength: rows * 8 })
      .map((bytes) => tensorOf('INT16', [2, rows, 2], bytes)),
    shared: fc.constant(tensorOf('UINT8', [2], [1, 2])),
  }),
);

test('what is joined and split again is what it was, also where the batch dimension is not the first', () => {
  const joiner = new Joiner(schema);
  const axes = new Map([
    ['first', 0],
    ['second', 1],
  ]);
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 6 }), fc.nat(3), (requests, padding) => {
      const sizes = requests.map((inputs) => joiner.formOf(inputs)?.rows ?? 0);
      const rows = sizes.reduce((sum, size) => sum + size, 0) + padding;
      const [example] = requests;
      if (!example) throw new Error('no request');
      const memory = new SharedArrayBuffer(joiner.sizeBytes(example, sizes[0] ?? 1, rows));
      // Left over from the batch before: padding has to be zeros all the same.
      new Uint8Array(memory).fill(77);
      const { shared, ...batched } = joiner.join(requests, rows, memory);
      expect(shared?.data).toEqual(Uint8Array.of(1, 2));
      let row = 0;
      for (const [at, { first, second }] of requests.entries()) {
        expect(splitOutputs(batched, axes, row, sizes[at] ?? 0)).toEqual({ first, second });
        row += sizes[at] ?? 0;
      }
      if (padding === 0) return;
      const rest = splitOutputs(batched, axes, row, padding);
      for (const { data } of Object.values(rest)) expect(data.every((byte) => byte === 0)).toBe(true);
    }),
  );
});

test('a split along the first dimension copies nothing', () => {
  const y = tensorOf('FP32', [4, 1], Array(16).fill(1));
  expect(splitOutputs({ y }, new Map([['y', 0]]), 1, 2).y?.data.buffer).toBe(y.data.buffer);
});

test('only what may run together has one signature', () => {
  const joiner = new Joiner(schema);
  const inputs = (rows: number, shared: number[], more: Partial<Tensors> = {}): Tensors => ({
    first: tensorOf('FP32', [rows, 3], Array(rows * 12).fill(0)),
    second: tensorOf('INT16', [2, rows, 2], Array(rows * 8).fill(0)),
    shared: tensorOf('UINT8', [2], shared),
    ...(more as Tensors),
  });
  const form = joiner.formOf(inputs(1, [1, 2]));
  expect(form?.rows).toBe(1);
  expect(joiner.formOf(inputs(4, [1, 2]))).toEqual({ signature: form?.signature, rows: 4 });
  expect(joiner.formOf(inputs(1, [1, 3]))?.signature).not.toBe(form?.signature);
  // Inputs that do not agree on how many inferences there are, or none at all.
  expect(
    joiner.formOf(inputs(1, [1, 2], { first: tensorOf('FP32', [2, 3], Array(24).fill(0)) })),
  ).toBeUndefined();
  expect(joiner.formOf(inputs(0, [1, 2]))).toBeUndefined();
  const fixed = { ...schema, outputs: [{ name: 'y', datatype: 'FP32' as const, shape: [1, 3] }] };
  expect(new Joiner(fixed).formOf(inputs(1, [1, 2]))).toBeUndefined();
});
