import type { ImagePreprocessing } from '@covey/protocol';
import { createImage, type Image, imageChannels } from './image.ts';

/** A part of a picture, in pixels; edges may lie between them. */
export interface Region {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Which source pixels make up each target pixel along one axis: `count` from `first`, weights one after the other. */
interface Taps {
  first: Int32Array;
  weights: Float32Array;
  /** Weights per target pixel. */
  count: number;
}

/**
 * A region of a picture resized by a triangle filter, its pixels at half coordinates. `bilinear` keeps the filter two source
 * pixels wide, as OpenCV's INTER_LINEAR; `antialiased` widens it by the factor of shrinking, as Pillow's BILINEAR. Sums are
 * not rounded between the axes, so results differ from theirs by at most a step or two of 255.
 */
export function resizeImage(
  image: Image,
  region: Region,
  width: number,
  height: number,
  interpolation: ImagePreprocessing['interpolation'],
): Image {
  const isAntialiased = interpolation === 'antialiased';
  const columns = tapsFor(region.left, region.width, image.width, width, isAntialiased);
  const rows = tapsFor(region.top, region.height, image.height, height, isAntialiased);
  const [firstRow, lastRow] = [rows.first[0] ?? 0, (rows.first.at(-1) ?? 0) + rows.count];
  // One type of array for both axes: the inner loop would be three times slower with two.
  const pixels = new Float32Array(image.data);
  const narrowed = new Float32Array(
    Math.max(0, Math.min(lastRow, image.height) - firstRow) * width * imageChannels,
  );
  for (let y = 0, to = 0; to < narrowed.length; y++) {
    const rowStart = (firstRow + y) * image.width * imageChannels;
    for (let x = 0; x < width; x++, to += imageChannels)
      sumTaps(pixels, rowStart, imageChannels, columns, x, narrowed, to);
  }
  const resized = createImage(width, height);
  const sums = new Float32Array(imageChannels);
  const stride = width * imageChannels;
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += imageChannels) {
      sumTaps(narrowed, x * imageChannels - firstRow * stride, stride, rows, y, sums, 0);
      for (let channel = 0; channel < imageChannels; channel++)
        resized.data[to + channel] = Math.round(sums[channel] ?? 0);
    }
  }
  return resized;
}

/** The weighted sum of each channel over the taps of target `index`, whose sources lie `stride` apart, into `target` at `to`. */
function sumTaps(
  source: Float32Array,
  start: number,
  stride: number,
  { first, weights, count }: Taps,
  index: number,
  target: Float32Array,
  to: number,
): void {
  let [red, green, blue] = [0, 0, 0];
  let from = start + (first[index] ?? 0) * stride;
  for (let tap = index * count; tap < (index + 1) * count; tap++, from += stride) {
    const weight = weights[tap] ?? 0;
    red += weight * (source[from] ?? 0);
    green += weight * (source[from + 1] ?? 0);
    blue += weight * (source[from + 2] ?? 0);
  }
  target[to] = red;
  target[to + 1] = green;
  target[to + 2] = blue;
}

function tapsFor(
  start: number,
  length: number,
  sourceSize: number,
  targetSize: number,
  isAntialiased: boolean,
): Taps {
  const scale = length / targetSize;
  const radius = isAntialiased ? Math.max(scale, 1) : 1;
  const count = Math.min(Math.ceil(radius) * 2 + 1, sourceSize);
  const first = new Int32Array(targetSize);
  const weights = new Float32Array(targetSize * count);
  for (let i = 0; i < targetSize; i++) {
    const centre = Math.min(Math.max(start + (i + 0.5) * scale, 0.5), sourceSize - 0.5);
    const from = Math.min(Math.max(Math.ceil(centre - radius - 0.5), 0), sourceSize - count);
    const row = weights.subarray(i * count, (i + 1) * count);
    for (let tap = 0; tap < count; tap++)
      row[tap] = Math.max(0, 1 - Math.abs(from + tap + 0.5 - centre) / radius);
    const total = row.reduce((sum, weight) => sum + weight, 0);
    for (let tap = 0; tap < count; tap++) row[tap] = (row[tap] ?? 0) / total;
    first[i] = from;
  }
  return { first, weights, count };
}
