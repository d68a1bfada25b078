import { balancedWindow, seeds } from './dataset.ts';
import { Network, type Parameters, parameterCount, parametersOf } from './network.ts';

/** A stretch of training: fresh windows throughout, the learning rate falling to zero along half a cosine. */
export interface TrainingPlan {
  /** Index of the first training window: plans that follow one another never see a window twice. */
  firstWindow: number;
  steps: number;
  learningRate: number;
}

const batchSize = 32;

/** The first version is a short training; the second goes on from its weights, on windows that the first never saw. */
export const firstPlan: TrainingPlan = { firstWindow: 0, steps: 450, learningRate: 4e-3 };
export const secondPlan: TrainingPlan = {
  firstWindow: firstPlan.steps * batchSize,
  steps: 1_500,
  learningRate: 3e-3,
};

/** Adam's constants: D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1. */
const firstDecay = 0.9;
const secondDecay = 0.999;
const epsilon = 1e-8;

/** Trains a copy of `start`; tells `onProgress` the mean cross-entropy of every hundred steps. Deterministic. */
export function train(
  start: Parameters,
  plan: TrainingPlan,
  onProgress: (step: number, crossEntropy: number) => void,
): Parameters {
  const parameters = parametersOf(start.flat.slice());
  const network = new Network(parameters);
  const gradient = parametersOf(new Float32Array(parameterCount));
  const update = adam(parameters.flat, gradient.flat);
  let crossEntropy = 0;
  for (let step = 0; step < plan.steps; step++) {
    gradient.flat.fill(0);
    for (let i = 0; i < batchSize; i++) {
      const { samples, classIndex } = balancedWindow(seeds.training, plan.firstWindow + step * batchSize + i);
      network.forward(samples);
      crossEntropy += network.backward(classIndex, gradient) / batchSize;
    }
    update((plan.learningRate * (1 + Math.cos((Math.PI * step) / plan.steps))) / 2);
    if ((step + 1) % 100 === 0) {
      onProgress(step + 1, crossEntropy / 100);
      crossEntropy = 0;
    }
  }
  return parameters;
}

/** A step of Adam on `parameters` with the summed gradient of a batch, at the learning rate it is called with. */
function adam(parameters: Float32Array, gradient: Float32Array): (learningRate: number) => void {
  const first = new Float32Array(parameters.length);
  const second = new Float32Array(parameters.length);
  let firstBias = 1;
  let secondBias = 1;
  return (learningRate) => {
    firstBias *= firstDecay;
    secondBias *= secondDecay;
    for (let i = 0; i < parameters.length; i++) {
      const g = (gradient[i] ?? 0) / batchSize;
      const m = firstDecay * (first[i] ?? 0) + (1 - firstDecay) * g;
      const v = secondDecay * (second[i] ?? 0) + (1 - secondDecay) * g * g;
      first[i] = m;
      second[i] = v;
      const step = m / (1 - firstBias) / (Math.sqrt(v / (1 - secondBias)) + epsilon);
      parameters[i] = (parameters[i] ?? 0) - learningRate * step;
    }
  };
}
