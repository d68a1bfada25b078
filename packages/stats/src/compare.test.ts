import type { Summary, Tensor } from '@covey/protocol';
import { expect, test } from 'vitest';
import { compareWithReference } from './compare.ts';
import { describeComparison } from './describe.ts';
import { chiSquareTail, rejectionThreshold } from './significance.ts';
import { SummaryAccumulator } from './summary.ts';

/** Seeded normal numbers: mulberry32 and Box-Muller. */
function normals(seed: number): () => number {
  let state = seed;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

interface Stream {
  inferences: number;
  value: () => number;
  yesShare?: number;
}
const width = 16;

function summaryOf({ inferences, value, yesShare = 0.5 }: Stream, reference?: Summary): Summary {
  const accumulator = new SummaryAccumulator(
    {
      model: 'm',
      version: '1.0.0',
      variant: 'fp32',
      schema: {
        inputs: [{ name: 'x', datatype: 'FP64', shape: [1, width] }],
        outputs: [{ name: 'p', datatype: 'FP64', shape: [1, 2] }],
      },
      classification: { output: 'p', classNames: ['no', 'yes'] },
      ...(reference ? { reference } : {}),
    },
    0,
  );
  const doubles = (values: number[]): Tensor => ({
    datatype: 'FP64',
    shape: [1, values.length],
    data: new Uint8Array(Float64Array.from(values).buffer),
  });
  for (let i = 0; i < inferences; i++) {
    // The golden ratio spreads the decisions evenly.
    const yes = (i * 0.618034) % 1 < yesShare;
    accumulator.add(
      { x: doubles(Array.from({ length: width }, value)) },
      { p: doubles(yes ? [0, 1] : [1, 0]) },
      1,
    );
  }
  return accumulator.take(1);
}

const normalReference = summaryOf({ inferences: 500, value: normals(1) });

test('the same distribution is stable at every sample size, hardly ever a false alarm', () => {
  let alarms = 0;
  for (let seed = 0; seed < 200; seed++) {
    const current = summaryOf({ inferences: [30, 100, 300][seed % 3] ?? 30, value: normals(1000 + seed) });
    if (compareWithReference(current, normalReference).finding !== 'stable') alarms++;
  }
  expect(alarms).toBeLessThanOrEqual(4);
});

test('a shifted mean is found, measured and said', () => {
  const next = normals(2);
  const current = summaryOf({ inferences: 200, value: () => next() + 1 }, normalReference);
  const comparison = compareWithReference(current, normalReference);
  expect(comparison.finding).toBe('shifted');
  const [x] = comparison.tensors;
  expect(x).toMatchObject({ name: 'x', finding: 'shifted', shifts: ['distribution'] });
  expect(x?.meanShift).toBeCloseTo(1, 1);
  expect(x?.sigmaRatio).toBeCloseTo(1, 1);
  expect(describeComparison(comparison).join('\n')).toMatch(
    /input x: .*PSI \d\.\d\d, mean moved by \d\.\d\d sigma/,
  );
});

test('a significant but small shift is not material', () => {
  const next = normals(3);
  const current = summaryOf({ inferences: 5_000, value: () => next() + 0.1 });
  const reference = summaryOf({ inferences: 5_000, value: normals(4) });
  const comparison = compareWithReference(current, reference);
  expect(comparison.tensors[0]?.psi).toBeLessThan(0.25);
  expect(comparison.finding).toBe('stable');
});

test.each([
  ['constant', (): number => 3, (): number => 2.5],
  ['all zero', (): number => 0, (): number => -1],
])('leaving a %s reference shows in both directions', (_name, was, becomes) => {
  const reference = summaryOf({ inferences: 100, value: was });
  expect(compareWithReference(summaryOf({ inferences: 100, value: was }), reference).finding).toBe('stable');
  const [left] = compareWithReference(summaryOf({ inferences: 100, value: becomes }), reference).tensors;
  expect(left).toMatchObject({ finding: 'shifted', meanShift: null, sigmaRatio: null });
  const up = summaryOf({ inferences: 100, value: () => was() + 1 });
  expect(compareWithReference(up, reference).tensors[0]?.finding).toBe('shifted');
});

test('missing and out-of-range values are shifts of their own', () => {
  const next = normals(5);
  let i = 0;
  const current = summaryOf(
    { inferences: 200, value: () => (i++ % 4 === 0 ? Number.NaN : i % 4 === 2 ? 99 : next()) },
    normalReference,
  );
  const comparison = compareWithReference(current, normalReference);
  expect(comparison.tensors[0]?.missingRate).toBe(0.25);
  expect(comparison.tensors[0]?.outOfRangeRate).toBe(0.25);
  expect(comparison.tensors[0]?.shifts).toEqual(expect.arrayContaining(['missing', 'out_of_range']));
  expect(describeComparison(comparison).join('\n')).toContain('25.0 % of the values are missing');
});

test('an input that is missing altogether is shifted, not empty', () => {
  const current = summaryOf({ inferences: 100, value: () => Number.NaN });
  expect(compareWithReference(current, normalReference).tensors[0]).toMatchObject({
    count: 0,
    psi: null,
    finding: 'shifted',
    shifts: ['missing'],
  });
});

test('moved decisions are found', () => {
  const current = summaryOf({ inferences: 300, value: normals(6), yesShare: 0.9 });
  const comparison = compareWithReference(current, normalReference);
  expect(comparison.classes?.finding).toBe('shifted');
  expect(comparison.classes?.totalVariation).toBeCloseTo(0.4, 1);
  expect(describeComparison(comparison).join('\n')).toMatch(/classes: 4\d\.\d % of the decisions moved/);
});

test('too few inferences say nothing, however different', () => {
  const current = summaryOf({ inferences: 29, value: () => 1e6 });
  const comparison = compareWithReference(current, normalReference);
  expect(comparison.finding).toBe('insufficient_data');
  expect(comparison.tensors.map(({ finding }) => finding)).toEqual([
    'insufficient_data',
    'insufficient_data',
  ]);
  expect(describeComparison(comparison)[0]).toContain('29 inferences');
});

test('chi-square tail agrees with tables', () => {
  const table: [number, number][] = [
    [3.841, 1],
    [5.991, 2],
    [7.815, 3],
    [16.919, 9],
    [18.307, 10],
    [124.342, 100],
    [1074.679, 1000],
  ];
  for (const [x, degrees] of table) expect(chiSquareTail(x, degrees)).toBeCloseTo(0.05, 4);
  expect(chiSquareTail(0, 3)).toBe(1);
  expect(chiSquareTail(1, 0)).toBe(1);
  expect(chiSquareTail(1e6, 9)).toBe(0);
});

test('Benjamini-Hochberg rejects up to the last p-value under its line', () => {
  expect(rejectionThreshold([0.01, 0.04, 0.03, 0.9])).toBe(0.01);
  expect(rejectionThreshold([0.01, 0.02, 0.03, 0.9])).toBe(0.03);
  expect(rejectionThreshold([0.5])).toBe(-1);
  expect(rejectionThreshold([])).toBe(-1);
});
