import {
  CoveyError,
  checkDocument,
  type ImagePreprocessing,
  ImagePreprocessingSchema,
  type TensorSpec,
} from '@covey/protocol';
import type { ImageOptions } from './options.ts';

/**
 * How pictures become an input: layout, size and number of channels as the schema has them, the rest as the user says.
 * Errors: INVALID_ARGUMENT when the input takes no picture, or its size is open and not given; INVALID_DOCUMENT for numbers
 * that do not fit each other.
 */
export function imagePreprocessing(spec: TensorSpec, options: ImageOptions): ImagePreprocessing {
  const { datatype } = spec;
  if (datatype !== 'FP32' && datatype !== 'FP16' && datatype !== 'UINT8') throw noPicture(spec);
  const { layout, channels, width, height } = layoutOf(spec);
  const size = {
    width: width === -1 ? options.size?.width : width,
    height: height === -1 ? options.size?.height : height,
  };
  if (size.width === undefined || size.height === undefined)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `input ${spec.name} takes pictures of any size [${spec.shape}]: give their size`,
    );
  const isBytes = datatype === 'UINT8';
  return checkDocument(
    ImagePreprocessingSchema,
    {
      kind: 'image',
      ...size,
      fit: options.fit ?? 'stretch',
      interpolation: options.interpolation ?? 'antialiased',
      channels: channels === 1 ? 'grey' : (options.channels ?? 'rgb'),
      layout,
      datatype,
      mean: options.mean ?? [0],
      scale: options.scale ?? [isBytes ? 1 : 255],
    },
    `pictures for input ${spec.name}`,
  );
}

/** The batch may be left out. */
function layoutOf(spec: TensorSpec): {
  layout: 'nchw' | 'nhwc';
  channels: number;
  width: number;
  height: number;
} {
  const [batch = 1, a = 0, b = 0, c = 0] = spec.shape.length === 3 ? [1, ...spec.shape] : spec.shape;
  const isChannels = (size: number) => size === 1 || size === 3;
  const isPicture = (spec.shape.length === 3 || spec.shape.length === 4) && (batch === 1 || batch === -1);
  if (isPicture && isChannels(a)) return { layout: 'nchw', channels: a, height: b, width: c };
  if (isPicture && isChannels(c)) return { layout: 'nhwc', channels: c, height: a, width: b };
  throw noPicture(spec);
}

function noPicture({ name, datatype, shape }: TensorSpec): CoveyError {
  const forms = 'FP32, FP16 or UINT8 [1,C,H,W] or [1,H,W,C] with 1 or 3 channels';
  return new CoveyError(
    'INVALID_ARGUMENT',
    `input ${name} is ${datatype} [${shape}] and takes no picture: ${forms}`,
  );
}

/** In the words of a report. */
export function describeImages({
  width,
  height,
  fit,
  interpolation,
  channels,
  mean,
  scale,
}: ImagePreprocessing): string {
  const colours = channels === 'grey' ? 'grey' : channels.toUpperCase();
  return `as ${width}x${height} ${colours}, ${fits[fit]} where of another shape (${interpolation}), mean ${mean}, scale ${scale}`;
}

const fits = { stretch: 'stretched', crop: 'cropped', letterbox: 'letterboxed' } as const;
