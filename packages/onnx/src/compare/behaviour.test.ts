import type { Tensor } from '@covey/protocol';
import { describe, expect, it } from 'vitest';
import { ortExecution } from '../execution.fixture.ts';
import { GraphBuilder } from '../graph/index.ts';
import type { Model } from '../model/index.ts';
import { compareBehaviour } from './behaviour.ts';
import { topAccuracy } from './metric.ts';

function floats(shape: number[], numbers: readonly number[]): Tensor {
  return { datatype: 'FP32', shape, data: new Uint8Array(Float32Array.from(numbers).buffer) };
}

/** `output` = Relu(`input` * factor) + 1. */
function createLine(factor: number, output = 'output'): Model {
  const builder = new GraphBuilder('line');
  builder.input({ name: 'input', datatype: 'FP32', shape: [1, 2] });
  const scale = builder.initializer('factor', floats([], [factor]));
  const one = builder.initializer('one', floats([], [1]));
  builder.node('Mul', ['input', scale], 'scaled');
  builder.node('Relu', ['scaled'], 'active');
  builder.node('Add', ['active', one], output);
  builder.output({ name: output, datatype: 'FP32', shape: [1, 2] });
  return builder.build();
}

const execution = ortExecution();
const samples = [
  { input: floats([1, 2], [1, 2]) },
  { input: floats([1, 2], [-10, 10]) },
  { input: floats([1, 2], [0, 0]) },
];

describe('compareBehaviour', () => {
  it('finds no error between a model and itself', async () => {
    const { outputs, samples: count } = await compareBehaviour(
      createLine(2),
      createLine(2),
      execution,
      samples,
    );
    expect(count).toBe(3);
    expect(outputs.output).toEqual({
      relativeError: 0,
      cosine: expect.closeTo(1, 12),
      maxAbsolute: 0,
      topAgreement: 1,
      worstSample: 0,
    });
  });

  it('measures outputs, with the sample that is worst', async () => {
    const { outputs } = await compareBehaviour(createLine(1), createLine(1.5), execution, samples);
    expect(outputs.output).toMatchObject({ maxAbsolute: 5, worstSample: 1 });
  });

  it('follows how values drift from layer to layer', async () => {
    const options = { layers: true };
    const { layers, outputs } = await compareBehaviour(
      createLine(1),
      createLine(1.5),
      execution,
      samples,
      options,
    );
    expect(Object.keys(outputs)).toEqual(['output']);
    expect(layers?.map(({ value, opType }) => `${opType} ${value}`)).toEqual(['Mul scaled', 'Relu active']);
    expect(layers?.[0]?.relativeError).toBeCloseTo(0.5);
  });

  it('measures the user’s own metric on both', async () => {
    const metric = topAccuracy('output', [[1], [1], [1]]);
    const { metric: found } = await compareBehaviour(createLine(1), createLine(-1), execution, samples, {
      metric,
    });
    expect(found).toEqual({ name: 'top-1 accuracy', reference: 2 / 3, candidate: 0 });
  });

  it('refuses models without an output in common, and no samples', async () => {
    const other = compareBehaviour(createLine(1), createLine(1, 'else'), execution, samples);
    await expect(other).rejects.toThrow('no output of the same name');
    await expect(compareBehaviour(createLine(1), createLine(1), execution, [])).rejects.toThrow('no sample');
  });
});
