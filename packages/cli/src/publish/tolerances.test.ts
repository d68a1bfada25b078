import type { GoldenVector, ModelSchema, Tensor, TensorSpec } from '@covey/protocol';
import { compareWithGolden } from '@covey/runtime';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decisionTolerances } from './tolerances.ts';

const floats = (shape: number[], values: readonly number[]): Tensor => ({
  datatype: 'FP32',
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});
const spec = (name: string, shape: number[], datatype: TensorSpec['datatype'] = 'FP32'): TensorSpec => ({
  name,
  datatype,
  shape,
});
const schemaOf = (...outputs: TensorSpec[]): ModelSchema => ({ inputs: [spec('x', [-1])], outputs });
const golden = (outputs: Record<string, Tensor>): GoldenVector => ({ inputs: {}, outputs });

describe('detectors', () => {
  const schema = schemaOf(spec('scores', [1, 3, 2]), spec('boxes', [1, 3, 4]));
  const faces = golden({
    scores: floats([1, 3, 2], [0.99, 0.01, 0.1, 0.9, 0.95, 0.05]),
    boxes: floats([1, 3, 4], [0, 0, 0, 0, 0.1, 0.1, 0.4, 0.5, 0, 0, 0, 0]),
  });

  test('boxes with scores are compared as detections, without the class that most boxes are', () => {
    expect(decisionTolerances(schema, undefined, [faces])).toEqual([
      {
        kind: 'boxes',
        boxes: 'boxes',
        scores: 'scores',
        background: 0,
        threshold: 0.5,
        suppression: 0.5,
        overlap: 0.6,
        scoreDifference: 0.1,
      },
    ]);
  });

  test('scores that are none, corners out of order, and outputs that could be either are relative errors', () => {
    const logits = golden({ ...faces.outputs, scores: floats([1, 3, 2], [9, -1, 0, 3, 4, 0]) });
    const centred = golden({
      ...faces.outputs,
      boxes: floats([1, 3, 4], [0, 0, 0, 0, 0.5, 0.5, 0.1, 0.1, 0, 0, 0, 0]),
    });
    for (const vector of [logits, centred])
      expect(decisionTolerances(schema, undefined, [vector])).toMatchObject([
        { kind: 'relative-error', output: 'scores', relative: 0.1 },
        { kind: 'relative-error', output: 'boxes', relative: 0.1 },
      ]);
    const twins = schemaOf(spec('a', [1, 3, 4]), spec('b', [1, 3, 2]), spec('c', [1, 3, 2]));
    expect(decisionTolerances(twins, undefined, []).map(({ kind }) => kind)).toEqual(
      Array(3).fill('relative-error'),
    );
  });
});

test('the output that classifies is compared by class, others by relative error, labels exactly', () => {
  const schema = schemaOf(spec('p', [-1, 2]), spec('h', [-1, 3]), spec('label', [-1], 'INT64'));
  const vector = golden({ p: floats([1, 2], [0.6, 0.8]), h: floats([1, 3], [3, 3, 3]) });
  expect(decisionTolerances(schema, { output: 'p', classNames: ['no', 'yes'] }, [vector])).toMatchObject([
    { kind: 'classes', output: 'p', margin: expect.closeTo(Math.SQRT2 * 0.1, 6) },
    { kind: 'relative-error', output: 'h', absolute: expect.closeTo(0.03, 6), relative: 0.1 },
    { kind: 'relative-error', output: 'label', absolute: 0, relative: 0.1 },
  ]);
});

test('what a variant gave here is within its tolerances, and what is far off is not', () => {
  const finite = fc.float({ min: -100, max: 100, noNaN: true });
  const row = fc.array(finite, { minLength: 4, maxLength: 4 });
  const schema = schemaOf(spec('p', [1, 4]), spec('h', [1, 4]));
  const classification = { output: 'p', classNames: ['a', 'b', 'c', 'd'] };
  const both = (values: number[]) => ({ p: floats([1, 4], values), h: floats([1, 4], values) });
  fc.assert(
    fc.property(fc.array(fc.tuple(row, row), { minLength: 1, maxLength: 4 }), (pairs) => {
      const vectors = pairs.map(([values]) => golden(both(values)));
      const answers = pairs.map(([, values]) => both(values));
      const tolerances = decisionTolerances(schema, classification, vectors, answers);
      for (const [i, { outputs }] of vectors.entries())
        compareWithGolden(answers[i] ?? {}, outputs, tolerances);
    }),
  );
  const right = golden(both([1, 2, 3, 10]));
  const tolerances = decisionTolerances(schema, classification, [right], [both([1.1, 2.1, 2.9, 9.9])]);
  expect(() => compareWithGolden(both([10, 2, 3, 1]), right.outputs, tolerances)).toThrow('expected class 3');
});
