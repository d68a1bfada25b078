import { expect, test } from 'vitest';
import type { Judged } from './evaluate.ts';
import type { Cost } from './measure.ts';
import { withoutTwins, withoutUseless } from './usefulness.ts';

const judged = (
  name: string,
  digest: string,
  sizeBytes: number,
  chosenFor: Judged['candidate']['chosenFor'] = 'size',
): Judged => ({
  candidate: { name, digest, sizeBytes, settings: '', nodesKept: [], chosenFor },
  evaluation: { outputs: {} },
  tolerances: [],
});
const reasons = (all: Judged[]) =>
  Object.fromEntries(all.map(({ candidate, reason }) => [candidate.name, reason]));
const cost = (latencyMs: number): Cost => ({
  latencyMs: { median: latencyMs, lower: latencyMs, upper: latencyMs },
  latencyRatio: null,
  peakMemoryBytes: null,
});

test('of variants that came out the same the first is kept', () => {
  const all = [judged('fp32', 'a', 9), judged('int8-weight', 'b', 5), judged('int4-weight', 'b', 5)];
  expect(reasons(withoutTwins(all))).toEqual({
    fp32: undefined,
    'int8-weight': undefined,
    'int4-weight': 'it is the same as int8-weight',
  });
});

test('of variants that err by the same and are as large the first is kept', () => {
  const error = { relativeError: 0.0123, cosine: 0.999, maxAbsolute: 0.5, topAgreement: 1 };
  const erring = (one: Judged, relativeError: number): Judged => ({
    ...one,
    evaluation: { outputs: { y: { ...error, relativeError } } },
  });
  const all = [
    erring(judged('int8-weight', 'a', 1000), 0.0123),
    erring(judged('int4-weight', 'b', 1001), 0.0123),
    erring(judged('other', 'c', 1000), 0.0124),
    erring(judged('smaller', 'd', 500), 0.0123),
  ];
  expect(reasons(withoutTwins(all))).toMatchObject({
    'int8-weight': undefined,
    'int4-weight': 'it is the same as int8-weight',
    other: undefined,
    smaller: undefined,
  });
});

test('smaller or faster is enough; neither is not; a refusal keeps its own reason', () => {
  const all = [
    judged('fp32', 'a', 100),
    judged('smaller', 'b', 50),
    judged('faster', 'c', 120),
    judged('neither', 'd', 99),
    { ...judged('refused', 'e', 200), reason: 'too far off' },
    judged('fast', 'c', 60, 'speed'),
    judged('not-fast', 'b', 60, 'speed'),
  ];
  const costs = new Map([
    ['a', cost(10)],
    ['b', cost(30)],
    ['c', cost(5)],
    ['d', cost(10)],
  ]);
  expect(reasons(withoutUseless(all, costs))).toEqual({
    fp32: undefined,
    smaller: undefined,
    faster: undefined,
    neither: 'it is neither smaller than fp32 nor faster',
    refused: 'too far off',
    fast: undefined,
    'not-fast': 'it was chosen for its speed and is slower than fp32 here',
  });
});
