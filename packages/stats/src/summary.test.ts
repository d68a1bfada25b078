import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { CoveyError, type Datatype, type ModelSchema, type Summary, type Tensor } from '@covey/protocol';
import { SummarySchema } from '@covey/protocol/telemetry-schemas';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decisions } from './decisions.ts';
import { checkSummary, mergeSummaries, SummaryAccumulator, type SummarySubject } from './summary.ts';

const schema: ModelSchema = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 3] },
    { name: 'words', datatype: 'BYTES', shape: [-1] },
  ],
  outputs: [{ name: 'p', datatype: 'FP32', shape: [-1, 2] }],
};
const subject: SummarySubject = {
  model: 'm',
  version: '1.0.0',
  variant: 'fp32',
  schema,
  classification: { output: 'p', classNames: ['no', 'yes'] },
};

function floats(values: ArrayLike<number>, shape: number[]): Tensor {
  return { datatype: 'FP32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

interface Call {
  x: number[];
  p: number[];
}
function summaryOf(calls: readonly Call[], about = subject): Summary {
  const accumulator = new SummaryAccumulator(about, 100);
  for (const { x, p } of calls) accumulator.add({ x: floats(x, [1, 3]) }, { p: floats(p, [1, 2]) }, 1);
  return accumulator.take(200);
}

/** Moments merge up to rounding; the rest exactly. */
function expectSame(actual: Summary, expected: Summary): void {
  const rounded = (summary: Summary) => ({
    ...summary,
    tensors: summary.tensors.map((tensor) => ({ ...tensor, moments: undefined })),
  });
  expect(rounded(actual)).toEqual(rounded(expected));
  actual.tensors.forEach((tensor, i) => {
    const other = expected.tensors[i]?.moments;
    expect(tensor.moments).toMatchObject({ count: other?.count, min: other?.min, max: other?.max });
    expect(tensor.moments?.mean).toBeCloseTo(other?.mean ?? Number.NaN, 6);
    expect(tensor.moments?.m2).toBeCloseTo(other?.m2 ?? Number.NaN, 4);
  });
}

const element = fc.oneof(
  fc.float({ min: -10, max: 10, noNaN: true }),
  fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** -149),
);
const calls = fc.array(
  fc.record({
    x: fc.array(element, { minLength: 3, maxLength: 3 }),
    p: fc.array(element, { minLength: 2, maxLength: 2 }),
  }),
  { maxLength: 20 },
);

test('merging is associative, commutative and equal to having seen everything', () => {
  fc.assert(
    fc.property(calls, calls, calls, (x, y, z) => {
      const [a, b, c] = [summaryOf(x), summaryOf(y), summaryOf(z)];
      const all = summaryOf([...x, ...y, ...z]);
      expectSame(mergeSummaries(mergeSummaries(a, b), c), all);
      expectSame(mergeSummaries(a, mergeSummaries(b, c)), all);
      expectSame(mergeSummaries(c, mergeSummaries(b, a)), all);
    }),
  );
});

test('survives protobuf and its own check', () => {
  fc.assert(
    fc.property(calls, (some) => {
      const summary = summaryOf(some);
      const back = fromBinary(SummarySchema, toBinary(SummarySchema, summary));
      expect(back).toEqual(summary);
      checkSummary(back);
    }),
  );
});

test('counts missing, out of range and classes; BYTES tensors are left out', () => {
  const reference = summaryOf([{ x: [-1, 0, 1], p: [0, 1] }]);
  const accumulator = new SummaryAccumulator({ ...subject, reference }, 0);
  accumulator.add(
    { x: floats([-2, 0.5, Number.NaN, 1, Number.POSITIVE_INFINITY, 3], [2, 3]), words: words() },
    { p: floats([0.2, 0.8, 0.9, 0.1], [2, 2]) },
    2,
  );
  const summary = accumulator.take(10);
  expect(summary).toMatchObject({ inferences: 2, fromMs: 0, toMs: 10, classCounts: [1, 1] });
  expect(summary.tensors.map(({ name, output }) => [name, output])).toEqual([
    ['x', false],
    ['p', true],
  ]);
  expect(summary.tensors[0]).toMatchObject({ missing: 2, outOfRange: 2, moments: { count: 4 } });
  expect(accumulator.take(20)).toMatchObject({ inferences: 0, fromMs: 10, toMs: 20, classCounts: [] });
});

function words(): Tensor {
  return { datatype: 'BYTES', shape: [1], data: Uint8Array.of(1, 0, 0, 0, 65) };
}

test('a large tensor costs 4096 elements, and every element is seen in turn', () => {
  const large: ModelSchema = {
    inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 10_000] }],
    outputs: [{ name: 'p', datatype: 'FP32', shape: [1, 2] }],
  };
  const accumulator = new SummaryAccumulator(
    { model: 'm', version: '1.0.0', variant: 'fp32', schema: large },
    0,
  );
  const image = floats(
    Array.from({ length: 10_000 }, (_, i) => i),
    [1, 10_000],
  );
  for (let call = 0; call < 3; call++) accumulator.add({ image }, {}, 1);
  const [tensor] = accumulator.take(1).tensors;
  expect(tensor?.moments).toMatchObject({ count: 10_000, min: 0, max: 9_999 });
  accumulator.add({ image }, {}, 1);
  expect(accumulator.take(2).tensors[0]?.moments?.count).toBeLessThanOrEqual(4096);
});

test('every numeric datatype is read, at any alignment', () => {
  const cases: [Datatype, Uint8Array, number][] = [
    ['BOOL', Uint8Array.of(1), 1],
    ['UINT8', Uint8Array.of(200), 200],
    ['INT8', new Uint8Array(Int8Array.of(-5).buffer), -5],
    ['UINT16', new Uint8Array(Uint16Array.of(60_000).buffer), 60_000],
    ['INT16', new Uint8Array(Int16Array.of(-300).buffer), -300],
    ['UINT32', new Uint8Array(Uint32Array.of(4e9).buffer), 4e9],
    ['INT32', new Uint8Array(Int32Array.of(-7).buffer), -7],
    ['UINT64', new Uint8Array(BigUint64Array.of(9n).buffer), 9],
    ['INT64', new Uint8Array(BigInt64Array.of(-9n).buffer), -9],
    ['FP16', Uint8Array.of(0x00, 0xc5), -5],
    ['FP16', Uint8Array.of(0x01, 0x00), 2 ** -24],
    ['FP32', new Uint8Array(Float32Array.of(0.5).buffer), 0.5],
    ['FP64', new Uint8Array(Float64Array.of(0.1).buffer), 0.1],
  ];
  for (const [datatype, bytes, value] of cases) {
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const one: ModelSchema = { inputs: [{ name: 'x', datatype, shape: [1] }], outputs: schema.outputs };
    const accumulator = new SummaryAccumulator({ ...subject, schema: one }, 0);
    accumulator.add({ x: { datatype, shape: [1], data: shifted.subarray(1) } }, {}, 1);
    expect([datatype, accumulator.take(1).tensors[0]?.moments?.mean]).toEqual([datatype, value]);
  }
});

test('decisions: the first of equal scores, labels as they are, none for NaN or a foreign label', () => {
  expect(decisions(floats([1, 1, 0, 0, Number.NaN, 2], [2, 3]), 3)).toEqual([0, -1]);
  const labels = new Uint8Array(BigInt64Array.of(2n, -1n, 3n).buffer);
  expect(decisions({ datatype: 'INT64', shape: [3], data: labels }, 2)).toEqual([-1, -1, -1]);
  expect(decisions({ datatype: 'INT64', shape: [3], data: labels }, 4)).toEqual([2, -1, 3]);
  expect(decisions(floats([1, 2], [2]), 3)).toBeUndefined();
  expect(decisions(words(), 2)).toBeUndefined();
});

test('summaries of different versions are not merged; differing variants leave none', () => {
  const other = summaryOf([], { ...subject, version: '2.0.0' });
  expect(() => mergeSummaries(summaryOf([]), other)).toThrow(CoveyError);
  const quantized = summaryOf([], { ...subject, variant: 'int8-qdq' });
  expect(mergeSummaries(summaryOf([]), quantized).variant).toBe('');
});

test('impossible summaries are refused', () => {
  const good = summaryOf([{ x: [1, 2, 3], p: [0, 1] }]);
  const twice = { ...good, tensors: [...good.tensors, ...good.tensors] };
  expect(() => checkSummary(twice)).toThrow('appears twice');
  expect(() => checkSummary({ ...good, toMs: 0 })).toThrow('window');
  expect(() => checkSummary({ ...good, classCounts: new Array(10_001).fill(0) })).toThrow('classes');
});
