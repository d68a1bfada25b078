import {
  type ConvolutionShape,
  convolve,
  convolveBackward,
  outputLength,
  paddedSize,
  pooling,
  reluPool,
} from './convolution.ts';
import type { Random } from './random.ts';
import { classNames, windowSamples } from './signal.ts';

/** The convolution blocks in order; after the last come the mean over time and a dense layer. */
export const blocks: readonly ConvolutionShape[] = [
  { inputLength: windowSamples, inputChannels: 1, outputChannels: 12, kernel: 24, stride: 4, padding: 10 },
  { inputLength: 128, inputChannels: 12, outputChannels: 16, kernel: 9, stride: 1, padding: 4 },
  { inputLength: 64, inputChannels: 16, outputChannels: 24, kernel: 9, stride: 1, padding: 4 },
];

export const featureCount = 24;
export const classCount = classNames.length;

interface Layer {
  weights: Float32Array<ArrayBuffer>;
  bias: Float32Array<ArrayBuffer>;
}

/** Views of one flat array of parameters: a layer per block, then the dense layer [class][feature]. */
export interface Parameters {
  flat: Float32Array<ArrayBuffer>;
  blocks: Layer[];
  dense: Layer;
}

function layerSizes(): { weights: number; bias: number }[] {
  return [
    ...blocks.map((shape) => ({
      weights: shape.outputChannels * shape.kernel * shape.inputChannels,
      bias: shape.outputChannels,
    })),
    { weights: classCount * featureCount, bias: classCount },
  ];
}

export const parameterCount = layerSizes().reduce((sum, layer) => sum + layer.weights + layer.bias, 0);

/** The layers of a flat array of `parameterCount` parameters, sharing its memory. */
export function parametersOf(flat: Float32Array<ArrayBuffer>): Parameters {
  let at = 0;
  const take = (count: number) => {
    at += count;
    return flat.subarray(at - count, at);
  };
  const layers = layerSizes().map((size) => ({ weights: take(size.weights), bias: take(size.bias) }));
  const dense = layers.pop();
  if (!dense) throw new RangeError('the network has no layers');
  return { flat, blocks: layers, dense };
}

/** Random parameters before training: K. He et al., "Delving deep into rectifiers" (2015), equation (10); zero bias. */
export function initialParameters(random: Random): Parameters {
  const parameters = parametersOf(new Float32Array(parameterCount));
  for (const { weights, bias } of [...parameters.blocks, parameters.dense]) {
    const deviation = Math.sqrt(2 / (weights.length / bias.length));
    for (let i = 0; i < weights.length; i++) weights[i] = deviation * random.gaussian();
  }
  return parameters;
}

/** A signal between blocks, [time][channel] from `offset` on, with the padding that the block it enters wants. */
interface Signal {
  values: Float32Array;
  gradient: Float32Array;
  offset: number;
}

interface Stage {
  shape: ConvolutionShape;
  layer: Layer;
  input: Signal;
  output: Float32Array;
  winners: Int32Array;
  pooled: Signal;
}

function signalOf(size: number, offset: number): Signal {
  return { values: new Float32Array(size), gradient: new Float32Array(size), offset };
}

function stagesOf(parameters: Parameters): Stage[] {
  const stages: Stage[] = [];
  // Backwards: a block writes into the padded input of the block after it.
  let pooled: Signal | undefined;
  for (const [i, layer] of [...parameters.blocks.entries()].reverse()) {
    const shape = blocks[i];
    if (!shape) throw new RangeError('more layers than blocks');
    const outputSize = outputLength(shape) * shape.outputChannels;
    const pooledSize = outputSize / pooling;
    const input = signalOf(paddedSize(shape), shape.padding * shape.inputChannels);
    stages.unshift({
      shape,
      layer,
      input,
      output: new Float32Array(outputSize),
      winners: new Int32Array(pooledSize),
      pooled: pooled ?? signalOf(pooledSize, 0),
    });
    pooled = input;
  }
  return stages;
}

/** Runs the network on one window at a time, in buffers of its own: concurrent callers need one each. */
export class Network {
  readonly #dense: Layer;
  readonly #stages: Stage[];
  readonly #input: Signal;
  /** The last block's output. */
  readonly #last: Signal;
  readonly #features = new Float32Array(featureCount);
  readonly #probabilities = new Float32Array(classCount);

  constructor(parameters: Parameters) {
    this.#dense = parameters.dense;
    this.#stages = stagesOf(parameters);
    const first = this.#stages.at(0);
    const last = this.#stages.at(-1);
    if (!first || !last) throw new RangeError('the network has no blocks');
    this.#input = first.input;
    this.#last = last.pooled;
  }

  /** The class probabilities, [4], of `samples`, [1024]. */
  forward(samples: Float32Array): Float32Array<ArrayBuffer> {
    this.#input.values.set(samples, this.#input.offset);
    for (const { shape, layer, input, output, winners, pooled } of this.#stages) {
      convolve(shape, layer.weights, layer.bias, input.values, output);
      reluPool(shape, output, pooled.values, pooled.offset, winners);
    }
    this.#meanOverTime();
    this.#classify();
    return this.#probabilities.slice();
  }

  /** Largest magnitudes in the last `forward`: of the input of every block, then of the last block's output. */
  peaks(): number[] {
    return [...this.#stages.map((stage) => stage.input), this.#last].map(({ values }) =>
      values.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    );
  }

  /** Adds the gradient of the last `forward`'s cross-entropy for the true class to `gradient`; answers the cross-entropy. */
  backward(classIndex: number, gradient: Parameters): number {
    this.#classifyBackward(classIndex, gradient.dense);
    for (const [i, target] of [...gradient.blocks.entries()].reverse()) {
      const stage = this.#stages[i];
      if (!stage) throw new RangeError('more layers than blocks');
      const { shape, layer, input, winners, pooled } = stage;
      input.gradient.fill(0);
      convolveBackward(shape, input.values, winners, pooled.gradient, pooled.offset, {
        weights: layer.weights,
        weightsGradient: target.weights,
        biasGradient: target.bias,
        inputGradient: input.gradient,
      });
    }
    return -Math.log(Math.max(this.#probabilities[classIndex] ?? 0, Number.MIN_VALUE));
  }

  #meanOverTime(): void {
    const { values } = this.#last;
    this.#features.fill(0);
    for (let i = 0; i < values.length; i++) {
      const feature = i % featureCount;
      this.#features[feature] =
        (this.#features[feature] ?? 0) + ((values[i] ?? 0) * featureCount) / values.length;
    }
  }

  /** Dense layer and softmax; the largest logit is subtracted so that no exponential overflows. */
  #classify(): void {
    const { weights, bias } = this.#dense;
    const logits = Array.from(bias, (start, row) =>
      this.#features.reduce(
        (sum, feature, i) => sum + feature * (weights[row * featureCount + i] ?? 0),
        start,
      ),
    );
    const largest = Math.max(...logits);
    const exponentials = logits.map((logit) => Math.exp(logit - largest));
    const sum = exponentials.reduce((total, value) => total + value, 0);
    this.#probabilities.set(exponentials.map((value) => value / sum));
  }

  #classifyBackward(classIndex: number, gradient: Layer): void {
    const featureGradient = new Float32Array(featureCount);
    for (let row = 0; row < classCount; row++) {
      const g = (this.#probabilities[row] ?? 0) - (row === classIndex ? 1 : 0);
      gradient.bias[row] = (gradient.bias[row] ?? 0) + g;
      for (let i = 0; i < featureCount; i++) {
        const at = row * featureCount + i;
        gradient.weights[at] = (gradient.weights[at] ?? 0) + g * (this.#features[i] ?? 0);
        featureGradient[i] = (featureGradient[i] ?? 0) + g * (this.#dense.weights[at] ?? 0);
      }
    }
    const last = this.#last.gradient;
    for (let i = 0; i < last.length; i++)
      last[i] = ((featureGradient[i % featureCount] ?? 0) * featureCount) / last.length;
  }
}
