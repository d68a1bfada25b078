import * as v from 'valibot';
import { limits } from '../limits.ts';

const side = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(limits.imageSidePixels));
const finite = v.pipe(v.number(), v.finite());
/** One number for all channels, or one for each in the order in which the model takes them. */
const perChannel = v.union([v.strictTuple([finite]), v.strictTuple([finite, finite, finite])]);

/** From the bytes of a JPEG or PNG file to a model's input: decoded, fitted, resized, then (x - mean) / scale per channel. */
export const ImagePreprocessingSchema = v.pipe(
  v.object({
    kind: v.literal('image'),
    width: side,
    height: side,
    /** What becomes of another aspect ratio: distorted, cut at the sides, or framed in black. */
    fit: v.picklist(['stretch', 'crop', 'letterbox']),
    /** `antialiased` averages what a pixel covers when shrinking, as Pillow; `bilinear` takes the nearest four, as OpenCV. */
    interpolation: v.picklist(['antialiased', 'bilinear']),
    channels: v.picklist(['rgb', 'bgr', 'grey']),
    layout: v.picklist(['nchw', 'nhwc']),
    datatype: v.picklist(['FP32', 'FP16', 'UINT8']),
    mean: perChannel,
    scale: perChannel,
  }),
  v.check(({ scale }) => !scale.includes(0), 'a scale of 0 divides by zero'),
  v.check(
    ({ mean, scale, channels }) => channels !== 'grey' || (mean.length === 1 && scale.length === 1),
    'grey pictures have one channel: one mean and one scale',
  ),
  v.check(
    ({ datatype, mean, scale }) =>
      datatype !== 'UINT8' || (mean.every((m) => m === 0) && scale.every((s) => s === 1)),
    'UINT8 pictures are given as they are: mean 0, scale 1',
  ),
  v.check(({ width, height }) => width * height <= limits.imagePixels, 'the picture is too large'),
);
export type ImagePreprocessing = v.InferOutput<typeof ImagePreprocessingSchema>;

const mostWindowSamples = 16 * 1024 * 1024;
const sampleCount = (least: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(mostWindowSamples));

/** From the bytes of a WAV file to a model's inputs: mixed to mono, resampled, cut into windows of numbers in -1..1. */
export const AudioPreprocessingSchema = v.pipe(
  v.object({
    kind: v.literal('audio'),
    sampleRateHz: v.pipe(v.number(), v.integer(), v.minValue(1_000), v.maxValue(384_000)),
    windowSamples: sampleCount(1),
    /** From the start of a window to the start of the next. */
    hopSamples: sampleCount(1),
    /** Silence before the recording, for models that also hear the end of the window before. */
    contextSamples: sampleCount(0),
  }),
  v.check(
    ({ contextSamples, windowSamples }) => contextSamples < windowSamples,
    'the context is a part of the window, and shorter',
  ),
);
export type AudioPreprocessing = v.InferOutput<typeof AudioPreprocessingSchema>;

/** What is done to a picture or a recording before a model sees it, as data that a bundle may carry. */
export const PreprocessingSchema = v.union([ImagePreprocessingSchema, AudioPreprocessingSchema]);
export type Preprocessing = v.InferOutput<typeof PreprocessingSchema>;
