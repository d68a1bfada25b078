import { CoveyError, limits } from '@covey/protocol';

/** Sound of one channel, in -1..1. */
export interface Sound {
  sampleRateHz: number;
  samples: Float32Array;
}

interface Format {
  encoding: 'integer' | 'float';
  channels: number;
  sampleRateHz: number;
  /** Bytes of one sample of one channel. */
  sampleBytes: number;
}

const mostChannels = 64;
/** Hz; those of any recorder. One beyond would make hours of a file, or a filter of millions of weights, by resampling. */
const rates = { least: 1_000, most: 768_000 } as const;
const formatTags = { pcm: 1, float: 3, extensible: 0xfffe } as const;

/**
 * A WAV file, its channels averaged: PCM of 8, 16, 24 and 32 bits, floats of 32 and 64, plain or WAVE_FORMAT_EXTENSIBLE.
 * Integers are divided by 2^(bits - 1). A data chunk that claims more than the file holds ends with the file, as recorders
 * leave it that were cut off. Errors: UNSUPPORTED for other encodings, INVALID_DOCUMENT, PAYLOAD_TOO_LARGE.
 */
export function decodeWav(bytes: Uint8Array): Sound {
  if (bytes.byteLength > limits.audioBytes)
    throw new CoveyError('PAYLOAD_TOO_LARGE', `the WAV file is larger than ${limits.audioBytes} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 12 || textAt(bytes, 0) !== 'RIFF' || textAt(bytes, 8) !== 'WAVE')
    throw invalid('it does not begin as WAV files do');
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const name = textAt(bytes, at);
    const size = view.getUint32(at + 4, true);
    const end = Math.min(at + 8 + size, bytes.byteLength);
    const chunk = new DataView(bytes.buffer, bytes.byteOffset + at + 8, end - at - 8);
    if (name === 'fmt ') format = readFormat(chunk);
    if (name === 'data') {
      if (!format) throw invalid('its data come before their format');
      return { sampleRateHz: format.sampleRateHz, samples: mixed(chunk, format) };
    }
    // Chunks begin at even bytes.
    at += 8 + size + (size & 1);
  }
  throw invalid('it holds no data');
}

function readFormat(chunk: DataView): Format {
  if (chunk.byteLength < 16) throw invalid('its format is cut off');
  const tag = chunk.getUint16(0, true);
  const isExtensible = tag === formatTags.extensible && chunk.byteLength >= 26;
  // The first two bytes of the sub-format's GUID are the plain tag.
  const code = isExtensible ? chunk.getUint16(24, true) : tag;
  const [channels, sampleRateHz, bits] = [
    chunk.getUint16(2, true),
    chunk.getUint32(4, true),
    chunk.getUint16(14, true),
  ];
  const encoding = code === formatTags.float ? 'float' : 'integer';
  const known =
    (code === formatTags.pcm && [8, 16, 24, 32].includes(bits)) ||
    (encoding === 'float' && [32, 64].includes(bits));
  if (!known)
    throw new CoveyError(
      'UNSUPPORTED',
      `the WAV file has format ${code} with ${bits} bits; PCM of 8 to 32 bits and floats of 32 and 64 are read`,
    );
  const isRate = sampleRateHz >= rates.least && sampleRateHz <= rates.most;
  if (channels === 0 || channels > mostChannels || !isRate)
    throw invalid(`it has ${channels} channels at ${sampleRateHz} Hz`);
  return { encoding, channels, sampleRateHz, sampleBytes: bits / 8 };
}

function mixed(chunk: DataView, { encoding, channels, sampleBytes }: Format): Float32Array {
  const frameBytes = channels * sampleBytes;
  const read = readers[`${encoding}${sampleBytes}`];
  const samples = new Float32Array(Math.floor(chunk.byteLength / frameBytes));
  for (let frame = 0; frame < samples.length; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++)
      sum += read?.(chunk, frame * frameBytes + channel * sampleBytes) ?? 0;
    samples[frame] = sum / channels;
  }
  if (!samples.every(Number.isFinite)) throw invalid('it holds samples that are no numbers');
  return samples;
}

/** By encoding and bytes of a sample. 8-bit samples have no sign: 128 is silence. */
const readers: Record<string, (view: DataView, at: number) => number> = {
  integer1: (view, at) => (view.getUint8(at) - 128) / 2 ** 7,
  integer2: (view, at) => view.getInt16(at, true) / 2 ** 15,
  integer3: (view, at) => (view.getUint8(at) + view.getInt16(at + 1, true) * 2 ** 8) / 2 ** 23,
  integer4: (view, at) => view.getInt32(at, true) / 2 ** 31,
  float4: (view, at) => view.getFloat32(at, true),
  float8: (view, at) => view.getFloat64(at, true),
};

function textAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

const invalid = (what: string) => new CoveyError('INVALID_DOCUMENT', `the WAV file is damaged: ${what}`);
