import { CoveyError, type Tensor } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Budget, checkBudget, type Evaluation, withinBudget } from './budget.ts';
import { topAccuracy } from './metric.ts';

const error = { relativeError: 0.02, cosine: 0.999, maxAbsolute: 0.1, topAgreement: 0.98 };
const evaluation: Evaluation = { outputs: { scores: error, boxes: { ...error, topAgreement: null } } };
const metric = topAccuracy('scores', [[1]]);

describe('withinBudget', () => {
  it('names the criterion that is broken worst', () => {
    const verdict = withinBudget(evaluation, { relativeError: 0.01, maxAbsolute: 0.02 });
    expect(verdict).toEqual({
      within: false,
      use: 5,
      reason: 'output "scores": greatest error 0.1 is above 0.02',
    });
    expect(withinBudget(evaluation, { cosine: 0.9995 })).toMatchObject({ within: false });
    expect(withinBudget(evaluation, { topAgreement: 0.97 })).toMatchObject({ within: true });
  });

  it('binds the outputs named alone', () => {
    const outputs = { ...evaluation.outputs, state: { ...error, relativeError: 9 } };
    expect(withinBudget({ outputs }, { relativeError: 0.1 }).within).toBe(false);
    expect(withinBudget({ outputs }, { relativeError: 0.1, outputs: ['scores'] }).within).toBe(true);
    expect(withinBudget({ outputs }, { relativeError: 0.1, outputs: ['other'] }).within).toBe(false);
  });

  it('is broken by what was not evaluated', () => {
    const reasons = [
      withinBudget({ outputs: {} }, { cosine: 0 }),
      withinBudget({ outputs: { boxes: { ...error, topAgreement: null } } }, { topAgreement: 0 }),
      withinBudget(evaluation, { metric: { metric, maxDrop: 1 } }),
      withinBudget({ outputs: { scores: { ...error, cosine: Number.NaN } } }, { cosine: 0.5 }),
    ];
    expect(reasons.map(({ within }) => within)).toEqual([false, false, false, false]);
  });

  it('measures the drop of the user’s own metric', () => {
    const quality = { name: metric.name, reference: 0.9, candidate: 0.88 };
    const budget = (maxDrop: number): Budget => ({ metric: { metric, maxDrop } });
    expect(withinBudget({ ...evaluation, metric: quality }, budget(0.03)).within).toBe(true);
    expect(withinBudget({ ...evaluation, metric: quality }, budget(0.01))).toMatchObject({
      within: false,
      reason: 'top-1 accuracy drops by 0.02, more than 0.01',
    });
  });

  it('is within exactly where every error is within its limit', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(share, share, share, share, (relativeError, cosine, limit, least) => {
        const outputs = { scores: { ...error, relativeError, cosine } };
        const { within } = withinBudget({ outputs }, { relativeError: limit, cosine: least });
        expect(within).toBe(relativeError <= limit && 1 - cosine <= 1 - least);
      }),
    );
  });
});

describe('checkBudget', () => {
  it('refuses a budget that limits nothing or by nonsense', () => {
    for (const budget of [
      {},
      { outputs: ['a'] },
      { cosine: 1.5 },
      { relativeError: Number.NaN },
      { topAgreement: -1 },
    ])
      expect(() => checkBudget(budget)).toThrow(CoveyError);
    checkBudget({ relativeError: 0 });
  });
});

describe('topAccuracy', () => {
  const scores = (rows: number[][]): Tensor => ({
    datatype: 'FP32',
    shape: [rows.length, rows[0]?.length ?? 0],
    data: new Uint8Array(Float32Array.from(rows.flat()).buffer),
  });

  it('counts rows whose greatest number is at the label', () => {
    const run = topAccuracy('scores', [[0], [1, 1]]).start();
    run.add({ scores: scores([[2, 1]]) }, 0);
    run.add(
      {
        scores: scores([
          [2, 1],
          [0, 3],
        ]),
      },
      1,
    );
    expect(run.value()).toBeCloseTo(2 / 3);
  });

  it('refuses samples without labels, and labels that fit no rows', () => {
    const run = topAccuracy('scores', [[0, 1, 2]]).start();
    expect(() => run.add({ scores: scores([[2, 1]]) }, 1)).toThrow('no labels');
    expect(() => run.add({ other: scores([[2, 1]]) }, 0)).toThrow('no output "scores"');
    expect(() => run.add({ scores: scores([[2, 1]]) }, 0)).toThrow('3 labels');
  });
});
