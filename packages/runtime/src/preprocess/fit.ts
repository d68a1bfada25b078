import type { ImagePreprocessing } from '@covey/protocol';
import { createImage, type Image, imageChannels } from './image.ts';
import { type Region, resizeImage } from './resize.ts';

/** Which part of a picture is seen, and where in the target it lies; what is not covered is black. */
export interface Placement {
  source: Region;
  target: Region;
}

type Size = Pick<Image, 'width' | 'height'>;

/** Where a picture goes in a target of another size. Cuts and frames are centred; the target's region is in whole pixels. */
export function placementOf(image: Size, target: Size, fit: ImagePreprocessing['fit']): Placement {
  const all = ({ width, height }: Size): Region => ({ left: 0, top: 0, width, height });
  if (fit === 'stretch') return { source: all(image), target: all(target) };
  const scales = [target.width / image.width, target.height / image.height];
  if (fit === 'crop') {
    const scale = Math.max(...scales);
    return { source: centred(image, target.width / scale, target.height / scale), target: all(target) };
  }
  const scale = Math.min(...scales);
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
  const region = centred(target, width ?? 1, height ?? 1);
  return {
    source: all(image),
    target: { ...region, left: Math.floor(region.left), top: Math.floor(region.top) },
  };
}

function centred(size: Size, width: number, height: number): Region {
  return { left: (size.width - width) / 2, top: (size.height - height) / 2, width, height };
}

/** The picture as large as the model takes it. */
export function fitImage(
  image: Image,
  {
    width,
    height,
    fit,
    interpolation,
  }: Pick<ImagePreprocessing, 'width' | 'height' | 'fit' | 'interpolation'>,
): Image {
  const { source, target } = placementOf(image, { width, height }, fit);
  const resized = resizeImage(image, source, target.width, target.height, interpolation);
  if (target.width === width && target.height === height) return resized;
  const framed = createImage(width, height);
  const rowBytes = target.width * imageChannels;
  for (let y = 0; y < target.height; y++) {
    const row = resized.data.subarray(y * rowBytes, (y + 1) * rowBytes);
    framed.data.set(row, ((target.top + y) * width + target.left) * imageChannels);
  }
  return framed;
}
