import type { AudioPreprocessing } from '@covey/protocol';
import { resample } from './resample.ts';
import { decodeWav } from './wav.ts';

type Framing = Pick<AudioPreprocessing, 'windowSamples' | 'hopSamples' | 'contextSamples'>;

/** Windows of a sound in their order, the first after `contextSamples` of silence; what does not fill a last one is left out. */
export function framesOf(
  samples: Float32Array,
  { windowSamples, hopSamples, contextSamples }: Framing,
): Float32Array[] {
  const count = Math.max(0, Math.floor((samples.length + contextSamples - windowSamples) / hopSamples) + 1);
  return Array.from({ length: count }, (_, index) => {
    const start = index * hopSamples - contextSamples;
    if (start >= 0) return samples.subarray(start, start + windowSamples);
    const frame = new Float32Array(windowSamples);
    frame.set(samples.subarray(0, start + windowSamples), -start);
    return frame;
  });
}

/** Windows of a WAV file. Errors: those of `decodeWav`. */
export function preprocessAudio(bytes: Uint8Array, preprocessing: AudioPreprocessing): Float32Array[] {
  return framesOf(resample(decodeWav(bytes), preprocessing.sampleRateHz).samples, preprocessing);
}
