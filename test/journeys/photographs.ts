import { decode } from 'jpeg-js';

/** A photograph as red, green, blue and alpha bytes, row by row. */
export interface Photograph {
  width: number;
  height: number;
  data: Uint8Array;
}

export function decodePhotograph(jpeg: Uint8Array): Photograph {
  return decode(jpeg, { useTArray: true });
}

/**
 * The photograph resized to `width` x `height`, with pixels at half coordinates and bilinear interpolation, as FP32 [1,3,height,width]:
 * planes of red, green and blue, each value (byte - 127) / 128.
 */
export function photographTensor(photograph: Photograph, width: number, height: number): Float32Array {
  const columns = Array.from({ length: width }, (_, x) => neighbours(x, width, photograph.width));
  const planes = new Float32Array(3 * height * width);
  for (let y = 0; y < height; y++) {
    const row = neighbours(y, height, photograph.height);
    for (const [x, column] of columns.entries()) {
      for (let channel = 0; channel < 3; channel++) {
        const value = interpolated(photograph, row, column, channel);
        planes[(channel * height + y) * width + x] = (value - 127) / 128;
      }
    }
  }
  return planes;
}

/** The two source pixels that a target pixel lies between, and the weight of the second. */
interface Neighbours {
  first: number;
  second: number;
  weight: number;
}

function neighbours(at: number, targetSize: number, sourceSize: number): Neighbours {
  const position = Math.min(Math.max(((at + 0.5) * sourceSize) / targetSize - 0.5, 0), sourceSize - 1);
  const first = Math.floor(position);
  return { first, second: Math.min(first + 1, sourceSize - 1), weight: position - first };
}

function interpolated(
  { data, width }: Photograph,
  row: Neighbours,
  column: Neighbours,
  channel: number,
): number {
  const pixel = (y: number, x: number) => data[(y * width + x) * 4 + channel] ?? 0;
  const along = (y: number) =>
    pixel(y, column.first) * (1 - column.weight) + pixel(y, column.second) * column.weight;
  return along(row.first) * (1 - row.weight) + along(row.second) * row.weight;
}
