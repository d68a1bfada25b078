import { describe, expect, test } from 'vitest';
import { balancedWindow, seeds } from './dataset.ts';
import { evaluate } from './evaluation.ts';
import { initialParameters, Network, parameterCount, parametersOf } from './network.ts';
import { Random } from './random.ts';
import { train } from './training.ts';
import { trainedWeights } from './weights.ts';

describe('Network', () => {
  test('backward is the derivative of the cross-entropy, by central differences', () => {
    const parameters = initialParameters(new Random(11));
    const gradient = parametersOf(new Float32Array(parameterCount));
    const { samples, classIndex } = balancedWindow(seeds.calibration, 2);
    const network = new Network(parameters);
    const crossEntropy = () => -Math.log(network.forward(samples)[classIndex] ?? 0);
    network.forward(samples);
    network.backward(classIndex, gradient);
    const random = new Random(12);
    const step = 1e-3;
    const errors = Array.from({ length: 200 }, () => {
      const at = random.integer(parameterCount);
      const value = parameters.flat[at] ?? 0;
      parameters.flat[at] = value + step;
      const above = crossEntropy();
      parameters.flat[at] = value - step;
      const below = crossEntropy();
      parameters.flat[at] = value;
      const numeric = (above - below) / (2 * step);
      return Math.abs(numeric - (gradient.flat[at] ?? 0)) / Math.max(0.05, Math.abs(numeric));
    });
    // A step across a kink of the ReLU or of the pooling makes a difference quotient wrong: few may be.
    const wrong = errors.filter((error) => error > 0.05).length;
    expect(wrong).toBeLessThan(10);
    expect(errors.sort((a, b) => a - b)[100]).toBeLessThan(5e-3);
  });
});

describe('train', () => {
  const start = initialParameters(new Random(seeds.initial));
  const plan = { firstWindow: 0, steps: 3, learningRate: 4e-3 };
  const weights = () => train(start, plan, () => undefined).flat;

  test('is deterministic and leaves its start alone', () => {
    const before = start.flat.slice();
    const trained = weights();
    expect(trained).toEqual(weights());
    expect(trained).not.toEqual(before);
    expect(start.flat).toEqual(before);
  });
});

describe('the committed weights', () => {
  test.each(['1.0.0', '1.1.0'] as const)('%s has the held-out accuracy that its report states', (version) => {
    const { parameters, evaluation } = trainedWeights(version);
    expect(evaluate(parameters)).toEqual(evaluation);
    expect(evaluation.heldOutAccuracy).toBeGreaterThan(0.95);
  });

  test('1.1.0 is better than 1.0.0', () => {
    const accuracy = (version: '1.0.0' | '1.1.0') => trainedWeights(version).evaluation.heldOutAccuracy;
    expect(accuracy('1.1.0')).toBeGreaterThan(accuracy('1.0.0'));
  });
});
