import type { Sound } from './wav.ts';

/** Zero crossings of the sinc on each side: side lobes below -70 dB with the window used. */
const zeroCrossings = 24;
/** The cut-off as a share of the lower of the two Nyquist frequencies: the filter needs room to fall. */
const rolloff = 0.94;

/**
 * The same sound at another rate: a sinc with a Hann window as low-pass (Smith, "Digital Audio Resampling Home Page"), cut
 * off below the lower rate's half. Beyond its ends the sound is silent.
 */
export function resample({ samples, sampleRateHz }: Sound, targetRateHz: number): Sound {
  if (sampleRateHz === targetRateHz) return { samples, sampleRateHz };
  const divisor = greatestCommonDivisor(sampleRateHz, targetRateHz);
  const [sourceStep, phaseCount] = [sampleRateHz / divisor, targetRateHz / divisor];
  const cutoff = rolloff * Math.min(1, targetRateHz / sampleRateHz);
  const radius = Math.ceil(zeroCrossings / cutoff);
  // Positions repeat: after `phaseCount` target samples lie exactly `sourceStep` source samples.
  const phases: Float32Array[] = [];
  const resampled = new Float32Array(Math.round((samples.length * targetRateHz) / sampleRateHz));
  for (let i = 0; i < resampled.length; i++) {
    const phase = (i * sourceStep) % phaseCount;
    const before = Math.floor((i * sourceStep) / phaseCount);
    phases[phase] ??= filterAt(phase / phaseCount, cutoff, radius);
    resampled[i] = weightedSum(samples, before - radius + 1, phases[phase]);
  }
  return { samples: resampled, sampleRateHz: targetRateHz };
}

function weightedSum(samples: Float32Array, start: number, weights: Float32Array): number {
  const [from, to] = [Math.max(0, -start), Math.min(weights.length, samples.length - start)];
  let sum = 0;
  for (let tap = from; tap < to; tap++) sum += (weights[tap] ?? 0) * (samples[start + tap] ?? 0);
  return sum;
}

/** Weights of the 2 * radius samples around a position that lies `fraction` after a sample; their sum is 1. */
function filterAt(fraction: number, cutoff: number, radius: number): Float32Array {
  const weights = Float64Array.from({ length: radius * 2 }, (_, tap) => {
    const distance = tap - radius + 1 - fraction;
    const window = Math.abs(distance) >= radius ? 0 : Math.cos((Math.PI * distance) / (2 * radius)) ** 2;
    return sinc(distance * cutoff) * window;
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Float32Array.from(weights, (weight) => weight / total);
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function greatestCommonDivisor(a: number, b: number): number {
  let [larger, smaller] = [a, b];
  while (smaller > 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
