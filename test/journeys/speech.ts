import { preprocessAudio } from '@covey/runtime';
import type { Run } from './inference.ts';

const windowSamples = 512;
/** The model also hears the last 4 ms of the window before. */
const contextSamples = 64;
const stateShape = [2, 1, 128];

/** 32 ms of sound after their context: FP32 [1,576], 16 kHz, in -1..1. */
export type SpeechWindow = Float32Array;

/** The first `count` windows of a WAV file. The context of the first is silence. */
export function speechWindows(wav: Uint8Array, count: number): SpeechWindow[] {
  return preprocessAudio(wav, {
    kind: 'audio',
    sampleRateHz: 16_000,
    windowSamples: contextSamples + windowSamples,
    hopSamples: windowSamples,
    contextSamples,
  }).slice(0, count);
}

/** How loud a window is, its context aside: root mean square, 0..1. */
export function loudness(window: SpeechWindow): number {
  const heard = window.subarray(contextSamples);
  return Math.sqrt(heard.reduce((sum, sample) => sum + sample ** 2, 0) / heard.length);
}

/** How likely each window holds speech; the state that the model gives is carried to the next call, as a caller must. */
export async function speechProbabilities(run: Run, windows: SpeechWindow[]): Promise<number[]> {
  let state = new Float32Array(2 * 128);
  const probabilities: number[] = [];
  for (const window of windows) {
    const { output, stateN } = await run({
      input: { shape: [1, window.length], data: window },
      state: { shape: stateShape, data: state },
      sr: { shape: [], data: BigInt64Array.of(16_000n) },
    });
    if (output?.[0] === undefined || !stateN) throw new Error('the detector gave no output');
    probabilities.push(output[0]);
    state = new Float32Array(stateN);
  }
  return probabilities;
}
