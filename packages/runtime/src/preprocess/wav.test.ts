import { CoveyError } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { wavFile } from './files.fixture.ts';
import { framesOf } from './frames.ts';
import { preprocessAudio } from './index.ts';
import { resample } from './resample.ts';
import { decodeWav } from './wav.ts';

const bytesOf = (array: Int16Array | Int32Array | Float32Array | Float64Array) =>
  new Uint8Array(array.buffer);

describe('decoding', () => {
  test.each<[string, Parameters<typeof wavFile>[0], Uint8Array]>([
    ['8-bit PCM', { bits: 8 }, Uint8Array.of(128, 192, 0)],
    ['16-bit PCM', { bits: 16 }, bytesOf(Int16Array.of(0, 16_384, -32_768))],
    ['24-bit PCM', { bits: 24 }, Uint8Array.of(0, 0, 0, 0, 0, 0x40, 0, 0, 0x80)],
    ['32-bit PCM', { bits: 32 }, bytesOf(Int32Array.of(0, 2 ** 30, -(2 ** 31)))],
    ['32-bit floats', { bits: 32, tag: 3 }, bytesOf(Float32Array.of(0, 0.5, -1))],
    ['64-bit floats', { bits: 64, tag: 3 }, bytesOf(Float64Array.of(0, 0.5, -1))],
    ['WAVE_FORMAT_EXTENSIBLE', { bits: 16, isExtensible: true }, bytesOf(Int16Array.of(0, 16_384, -32_768))],
  ])('%s', (_, format, data) => {
    const { samples, sampleRateHz } = decodeWav(wavFile(format, data));
    expect([...samples]).toEqual([0, 0.5, -1]);
    expect(sampleRateHz).toBe(16_000);
  });

  test('channels are averaged; a recording that was cut off ends where the file does', () => {
    const stereo = wavFile({ channels: 2 }, bytesOf(Int16Array.of(16_384, 0, -16_384, 16_384)));
    expect([...decodeWav(stereo).samples]).toEqual([0.25, 0]);
    expect([...decodeWav(stereo.subarray(0, stereo.length - 3)).samples]).toEqual([0.25]);
  });

  test.each<[string, Uint8Array, string, string]>([
    ['nothing', new Uint8Array(), 'INVALID_DOCUMENT', 'does not begin'],
    ['a header alone', wavFile({}, new Uint8Array()).subarray(0, 12), 'INVALID_DOCUMENT', 'holds no data'],
    [
      'another encoding',
      wavFile({ tag: 6, bits: 8 }, new Uint8Array(4)),
      'UNSUPPORTED',
      'format 6 with 8 bits',
    ],
    ['no channels', wavFile({ channels: 0 }, new Uint8Array(4)), 'INVALID_DOCUMENT', '0 channels'],
    ['a rate of hours', wavFile({ sampleRateHz: 1 }, new Uint8Array(4)), 'INVALID_DOCUMENT', 'at 1 Hz'],
    ['a rate of radio', wavFile({ sampleRateHz: 2 ** 32 - 1 }, new Uint8Array(4)), 'INVALID_DOCUMENT', 'Hz'],
    [
      'what is no number',
      wavFile({ tag: 3, bits: 32 }, bytesOf(Float32Array.of(Number.NaN))),
      'INVALID_DOCUMENT',
      'no numbers',
    ],
  ])('%s is refused', (_, bytes, code, words) => {
    expect(() => decodeWav(bytes)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(words) }),
    );
  });

  test('any bytes are sound or a clear error', () => {
    const valid = wavFile({ channels: 2, isExtensible: true }, new Uint8Array(64));
    const mutated = fc
      .tuple(fc.nat(valid.length - 1), fc.nat(255))
      .map(([at, value]) => new Uint8Array(valid).with(at, value));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
        try {
          expect(decodeWav(bytes).samples.every(Number.isFinite)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(CoveyError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('resampling', () => {
  const sine = (frequencyHz: number, sampleRateHz: number, seconds = 0.2) => ({
    sampleRateHz,
    samples: Float32Array.from({ length: sampleRateHz * seconds }, (_, i) =>
      Math.sin((2 * Math.PI * frequencyHz * i) / sampleRateHz),
    ),
  });

  test.each([
    [44_100, 16_000],
    [8_000, 16_000],
    [48_000, 16_000],
    [11_025, 16_000],
  ])('a tone keeps its pitch, phase and loudness from %i to %i Hz', (from, to) => {
    const { samples } = resample(sine(1_000, from), to);
    const wanted = sine(1_000, to).samples;
    expect(Math.abs(samples.length - wanted.length)).toBeLessThanOrEqual(1);
    const errors = samples.map((sample, i) => Math.abs(sample - (wanted[i] ?? 0))).subarray(200, -200);
    expect(Math.max(...errors)).toBeLessThan(0.002);
  });

  test('what the lower rate cannot hold is gone, not folded back', () => {
    const { samples } = resample(sine(12_000, 48_000), 16_000);
    expect(Math.max(...samples.subarray(200, -200).map(Math.abs))).toBeLessThan(0.002);
  });
});

test('windows: the first after silence, what does not fill a last one left out', () => {
  const framing = { windowSamples: 4, hopSamples: 3, contextSamples: 1 };
  expect(framesOf(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), framing).map((frame) => [...frame])).toEqual([
    [0, 1, 2, 3],
    [3, 4, 5, 6],
  ]);
  expect(framesOf(Float32Array.of(1, 2), framing)).toEqual([]);
  const preprocessing = { kind: 'audio', sampleRateHz: 16_000, ...framing, contextSamples: 0 } as const;
  expect(preprocessAudio(wavFile({}, bytesOf(new Int16Array(10))), preprocessing)).toHaveLength(3);
});
