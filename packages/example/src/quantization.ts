import { balancedWindows, seeds } from './dataset.ts';
import { Network, type Parameters } from './network.ts';

/** Integers with the scale that makes them numbers again: value = scale * (integer - zeroPoint). */
export interface QuantizedWeights {
  integers: Int8Array<ArrayBuffer>;
  /** One per output channel. */
  scales: Float32Array<ArrayBuffer>;
}

const calibrationWindows = 64;
/**
 * Weights use 7 of 8 bits. CPUs without VNNI add two u8*s8 products in 16 bits, saturating: 2 * 255 * 64 still fits, so
 * every CPU computes the same (ONNX Runtime's `reduce_range`).
 */
const weightPeak = 64;

/** Largest magnitudes that the signals between the blocks reach on seeded windows: see `Network.peaks`. */
export function calibrate(parameters: Parameters): number[] {
  const network = new Network(parameters);
  let peaks: number[] = [];
  for (const { samples } of balancedWindows(seeds.calibration, calibrationWindows)) {
    network.forward(samples);
    peaks = network.peaks().map((peak, i) => Math.max(peak, peaks[i] ?? 0));
  }
  return peaks;
}

/** Symmetric weights per output channel (the first dimension of `channelCount`), rounded to the nearest integer. */
export function quantizeWeights(weights: Float32Array, channelCount: number): QuantizedWeights {
  const size = weights.length / channelCount;
  const integers = new Int8Array(weights.length);
  const scales = new Float32Array(channelCount);
  for (let channel = 0; channel < channelCount; channel++) {
    const row = weights.subarray(channel * size, (channel + 1) * size);
    const peak = row.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
    const scale = Math.fround((peak || 1) / weightPeak);
    scales[channel] = scale;
    integers.set(
      Array.from(row, (weight) => Math.round(weight / scale)),
      channel * size,
    );
  }
  return { integers, scales };
}
