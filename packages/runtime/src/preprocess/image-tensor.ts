import type { ImagePreprocessing, Tensor } from '@covey/protocol';
import { type Image, imageChannels } from './image.ts';

/** Luma of ITU-R BT.601, as Pillow's and OpenCV's grey. */
const luma = [0.299, 0.587, 0.114] as const;

/** Which of red, green and blue each channel of the model is. */
const channelOrders = { rgb: [0, 1, 2], bgr: [2, 1, 0] } as const;

type Normalisation = Pick<ImagePreprocessing, 'channels' | 'layout' | 'datatype' | 'mean' | 'scale'>;

/** [1,C,H,W] or [1,H,W,C], C being 3 or, for grey, 1; each value is (x - mean) / scale with x in 0..255. */
export function imageTensor(
  image: Image,
  { channels, layout, datatype, mean, scale }: Normalisation,
): Tensor {
  const { width, height } = image;
  const pixels = width * height;
  const planes =
    channels === 'grey' ? [greyOf(image)] : channelOrders[channels].map((from) => planeOf(image, from));
  const elements = emptyElements(datatype, pixels * planes.length);
  for (const [channel, plane] of planes.entries()) {
    const channelMean = mean[channel] ?? mean[0];
    const channelScale = scale[channel] ?? scale[0];
    const [start, step] = layout === 'nchw' ? [channel * pixels, 1] : [channel, planes.length];
    for (let pixel = 0, to = start; pixel < pixels; pixel++, to += step)
      elements[to] = ((plane[pixel] ?? 0) - channelMean) / channelScale;
  }
  return {
    datatype,
    shape: layout === 'nchw' ? [1, planes.length, height, width] : [1, height, width, planes.length],
    data: new Uint8Array(elements.buffer),
  };
}

function emptyElements(datatype: Normalisation['datatype'], count: number) {
  if (datatype === 'UINT8') return new Uint8Array(count);
  return datatype === 'FP16' ? new Float16Array(count) : new Float32Array(count);
}

function planeOf({ data }: Image, channel: number): Uint8Array {
  const plane = new Uint8Array(data.length / imageChannels);
  for (let pixel = 0, from = channel; pixel < plane.length; pixel++, from += imageChannels)
    plane[pixel] = data[from] ?? 0;
  return plane;
}

function greyOf({ data }: Image): Uint8Array {
  const plane = new Uint8Array(data.length / imageChannels);
  for (let pixel = 0, from = 0; pixel < plane.length; pixel++, from += imageChannels) {
    const sum =
      luma[0] * (data[from] ?? 0) + luma[1] * (data[from + 1] ?? 0) + luma[2] * (data[from + 2] ?? 0);
    plane[pixel] = Math.round(sum);
  }
  return plane;
}
