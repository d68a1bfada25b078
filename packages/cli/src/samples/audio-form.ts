import {
  type AudioPreprocessing,
  AudioPreprocessingSchema,
  CoveyError,
  checkDocument,
  type TensorSpec,
} from '@covey/protocol';
import type { AudioOptions } from './options.ts';

const defaultSampleRateHz = 16_000;

/**
 * How recordings become an input: context and window fill the schema's last dimension; where that is open the window is as
 * the user says. Errors: INVALID_ARGUMENT when the input takes no sound, or the window is open and not given;
 * INVALID_DOCUMENT for numbers that do not fit.
 */
export function audioPreprocessing(spec: TensorSpec, options: AudioOptions): AudioPreprocessing {
  const inSchema = spec.shape.at(-1) ?? -1;
  const contextSamples = options.contextSamples ?? 0;
  const newSamples = inSchema === -1 ? options.windowSamples : inSchema - contextSamples;
  if (spec.datatype !== 'FP32' || spec.shape.slice(0, -1).some((size) => size !== 1 && size !== -1))
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `input ${spec.name} is ${spec.datatype} [${spec.shape}] and takes no windows of sound: FP32 [1,samples]`,
    );
  if (newSamples === undefined)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `input ${spec.name} is [${spec.shape}], windows of sound of any length: say which with --window`,
    );
  return checkDocument(
    AudioPreprocessingSchema,
    {
      kind: 'audio',
      sampleRateHz: options.sampleRateHz ?? defaultSampleRateHz,
      windowSamples: contextSamples + newSamples,
      hopSamples: options.hopSamples ?? Math.max(1, newSamples),
      contextSamples,
    },
    `windows of sound for input ${spec.name}`,
  );
}

/** In the words of a report. */
export function describeAudio({
  sampleRateHz,
  windowSamples,
  hopSamples,
  contextSamples,
}: AudioPreprocessing): string {
  const size =
    contextSamples === 0
      ? `${windowSamples} samples`
      : `${contextSamples} samples of context and ${windowSamples - contextSamples} more`;
  return `${size}, every ${hopSamples}, at ${sampleRateHz} Hz`;
}
