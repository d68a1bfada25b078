/**
 * One block of the network: 1-D convolution, ReLU, max-pooling by two. Signals are time-major, [time][channel], with
 * their zero padding in place, so that a window of the convolution is one contiguous slice.
 */
export interface ConvolutionShape {
  inputLength: number;
  inputChannels: number;
  /** A multiple of four: the inner loop computes four at a time. */
  outputChannels: number;
  kernel: number;
  stride: number;
  padding: number;
}

export const pooling = 2;

export function outputLength(shape: ConvolutionShape): number {
  return Math.floor((shape.inputLength + 2 * shape.padding - shape.kernel) / shape.stride) + 1;
}

/** Elements of the padded input buffer. */
export function paddedSize(shape: ConvolutionShape): number {
  return (shape.inputLength + 2 * shape.padding) * shape.inputChannels;
}

/**
 * Convolution: `weights` [outputChannels][kernel][inputChannels], `bias` [outputChannels], `input` padded;
 * writes `output` [outputLength][outputChannels], before the ReLU.
 */
export function convolve(
  shape: ConvolutionShape,
  weights: Float32Array,
  bias: Float32Array,
  input: Float32Array,
  output: Float32Array,
): void {
  const { inputChannels, outputChannels, kernel, stride } = shape;
  const size = kernel * inputChannels;
  const length = outputLength(shape);
  for (let t = 0; t < length; t++) {
    const window = t * stride * inputChannels;
    for (let channel = 0; channel < outputChannels; channel += 4) {
      let row = channel * size;
      let a = bias[channel] ?? 0;
      let b = bias[channel + 1] ?? 0;
      let c = bias[channel + 2] ?? 0;
      let d = bias[channel + 3] ?? 0;
      for (let i = window; i < window + size; i++, row++) {
        const x = input[i] ?? 0;
        a += x * (weights[row] ?? 0);
        b += x * (weights[row + size] ?? 0);
        c += x * (weights[row + 2 * size] ?? 0);
        d += x * (weights[row + 3 * size] ?? 0);
      }
      const at = t * outputChannels + channel;
      output[at] = a;
      output[at + 1] = b;
      output[at + 2] = c;
      output[at + 3] = d;
    }
  }
}

/**
 * ReLU and max-pooling of `output`; writes `pooled` from element `offset` on, and to `winners` the element of `output`
 * that each pooled one came from, or -1 where the ReLU cut it off.
 */
export function reluPool(
  shape: ConvolutionShape,
  output: Float32Array,
  pooled: Float32Array,
  offset: number,
  winners: Int32Array,
): void {
  const channels = shape.outputChannels;
  for (let i = 0; i < winners.length; i++) {
    const first = Math.floor(i / channels) * pooling * channels + (i % channels);
    const a = output[first] ?? 0;
    const b = output[first + channels] ?? 0;
    const largest = Math.max(a, b);
    pooled[offset + i] = Math.max(0, largest);
    winners[i] = largest <= 0 ? -1 : a >= b ? first : first + channels;
  }
}

/** What `convolveBackward` reads and adds to. */
export interface ConvolutionGradient {
  weights: Float32Array;
  /** Gradients that are added to: as `weights`, `bias` and the padded input. */
  weightsGradient: Float32Array;
  biasGradient: Float32Array;
  inputGradient: Float32Array;
}

/** Backward pass of the block from the gradient of its pooled output; only the winners of the pooling carry any. */
export function convolveBackward(
  shape: ConvolutionShape,
  input: Float32Array,
  winners: Int32Array,
  pooledGradient: Float32Array,
  offset: number,
  gradient: ConvolutionGradient,
): void {
  const { inputChannels, outputChannels, kernel, stride } = shape;
  const { weights, weightsGradient, biasGradient, inputGradient } = gradient;
  const size = kernel * inputChannels;
  for (let i = 0; i < winners.length; i++) {
    const winner = winners[i] ?? -1;
    const g = pooledGradient[offset + i] ?? 0;
    if (winner < 0 || g === 0) continue;
    const channel = winner % outputChannels;
    const window = ((winner - channel) / outputChannels) * stride * inputChannels;
    const row = channel * size;
    biasGradient[channel] = (biasGradient[channel] ?? 0) + g;
    for (let j = 0; j < size; j++) {
      weightsGradient[row + j] = (weightsGradient[row + j] ?? 0) + g * (input[window + j] ?? 0);
      inputGradient[window + j] = (inputGradient[window + j] ?? 0) + g * (weights[row + j] ?? 0);
    }
  }
}
