import { modelSchema, readModel } from '@covey/onnx';
import type { Tensor } from '@covey/protocol';
import { describe, expect, test } from 'vitest';
import { decisionOf } from './evaluation.ts';
import { classNames, exampleVersion, exampleVersions } from './index.ts';

const floats = (tensor: Tensor | undefined) =>
  new Float32Array(tensor?.data.slice().buffer ?? new ArrayBuffer(0));

describe('exampleVersion', () => {
  test.each(exampleVersions)('%s: every variant has the schema that is stated', (version) => {
    const example = exampleVersion(version);
    expect(example.variants.map((variant) => variant.name)).toEqual(['fp32', 'int8-qdq']);
    for (const { bytes } of example.variants) {
      expect(modelSchema(readModel(bytes))).toEqual(example.schema);
      expect(bytes.byteLength).toBeLessThan(300_000);
    }
  });

  test('is the same every time', () => {
    const { referenceInputs: _first, ...first } = exampleVersion('1.1.0');
    const { referenceInputs: _second, ...second } = exampleVersion('1.1.0');
    expect(first).toEqual(second);
  });

  test('golden vectors show every class, and 1.1.0 decides each right', () => {
    const decisions = exampleVersion('1.1.0').goldenOutputs.map((outputs) =>
      decisionOf(floats(outputs.probabilities)),
    );
    expect(decisions).toEqual(Array.from({ length: 8 }, (_, i) => i % classNames.length));
  });

  test('1.2.0 takes healthy for outer-race and says so in its own golden vectors', () => {
    const right = exampleVersion('1.1.0');
    const wrong = exampleVersion('1.2.0');
    const swap = ([healthy = 0, outer = 0, ...rest]: Float32Array) => [outer, healthy, ...rest];
    for (const [i, outputs] of right.goldenOutputs.entries()) {
      const expected = swap(floats(outputs.probabilities));
      const actual = floats(wrong.goldenOutputs[i]?.probabilities);
      expect(actual).toHaveLength(expected.length);
      actual.forEach((value, at) => {
        expect(value).toBeCloseTo(expected[at] ?? Number.NaN, 6);
      });
    }
    expect(wrong.evaluation.heldOutAccuracy).toBeLessThan(0.6);
  });

  test('1.2.1 has the golden vectors of 1.1.0 and other bytes', () => {
    const right = exampleVersion('1.1.0');
    const damaged = exampleVersion('1.2.1');
    expect(damaged.goldenOutputs).toEqual(right.goldenOutputs);
    expect(damaged.variants[0]?.bytes).not.toEqual(right.variants[0]?.bytes);
    expect(damaged.variants[1]?.bytes).not.toEqual(right.variants[1]?.bytes);
  });

  test('the reference is the fleet in its usual state, the same on every pass', () => {
    const { referenceInputs } = exampleVersion('1.0.0');
    const first = [...referenceInputs()];
    expect(first.length).toBeGreaterThanOrEqual(200);
    expect([...referenceInputs()]).toEqual(first);
  });
});
