import type { ImagePreprocessing } from '@covey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { preprocessImage } from '../node/index.ts';
import { jpegFile } from './files.fixture.ts';
import { fitImage, placementOf } from './fit.ts';
import { imageTensor } from './image-tensor.ts';
import { resizeImage } from './resize.ts';

const greyRow = (...values: number[]) => ({
  width: values.length,
  height: 1,
  data: Uint8Array.from(values.flatMap((value) => [value, value, value])),
});
const reds = ({ data }: { data: Uint8Array }) => [...data].filter((_, i) => i % 3 === 0);
const whole = ({ width, height }: { width: number; height: number }) => ({ left: 0, top: 0, width, height });

describe('resizing', () => {
  const edge = greyRow(0, 0, 255, 255);

  test('antialiased: a triangle as wide as two target pixels, as Pillow has it', () => {
    // Weights 3, 3, 1 of 7 on the pixels within reach.
    expect(reds(resizeImage(edge, whole(edge), 2, 1, 'antialiased'))).toEqual([36, 219]);
  });

  test('bilinear: the two nearest pixels, as OpenCV has it', () => {
    expect(reds(resizeImage(edge, whole(edge), 2, 1, 'bilinear'))).toEqual([0, 255]);
    expect(
      reds(resizeImage(greyRow(0, 100), { left: 0, top: 0, width: 2, height: 1 }, 4, 1, 'bilinear')),
    ).toEqual([0, 25, 75, 100]);
  });

  test('one colour stays that colour, the same size the same picture, whatever the filter', () => {
    const side = fc.integer({ min: 1, max: 40 });
    const filter = fc.constantFrom('antialiased' as const, 'bilinear' as const);
    fc.assert(
      fc.property(side, side, side, side, fc.nat(255), filter, (w, h, toW, toH, value, interpolation) => {
        const flat = { width: w, height: h, data: new Uint8Array(w * h * 3).fill(value) };
        const resized = resizeImage(flat, whole(flat), toW, toH, interpolation);
        expect(resized.data.every((byte) => byte === value)).toBe(true);
        const noise = { width: w, height: h, data: flat.data.map((_, i) => (i * 89 + value) & 255) };
        expect(resizeImage(noise, whole(noise), w, h, interpolation)).toEqual(noise);
      }),
    );
  });
});

test('fits: distorted, cut, or framed', () => {
  const wide = { width: 400, height: 200 };
  const square = { width: 100, height: 100 };
  const all = { left: 0, top: 0, ...square };
  expect(placementOf(wide, square, 'stretch')).toEqual({ source: { left: 0, top: 0, ...wide }, target: all });
  expect(placementOf(wide, square, 'crop')).toEqual({
    source: { left: 100, top: 0, width: 200, height: 200 },
    target: all,
  });
  expect(placementOf(wide, square, 'letterbox')).toEqual({
    source: { left: 0, top: 0, ...wide },
    target: { left: 0, top: 25, width: 100, height: 50 },
  });
  const framed = fitImage(greyRow(9, 9, 9), {
    width: 3,
    height: 3,
    fit: 'letterbox',
    interpolation: 'bilinear',
  });
  expect(reds(framed)).toEqual([0, 0, 0, 9, 9, 9, 0, 0, 0]);
});

describe('tensors', () => {
  const image = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  const plain = { channels: 'rgb', layout: 'nchw', datatype: 'UINT8', mean: [0], scale: [1] } as const;
  const values = (options: Partial<ImagePreprocessing>) => {
    const { data, shape } = imageTensor(image, { ...plain, ...options } as ImagePreprocessing);
    return { data, shape };
  };

  test('planes or pixels, red or blue first, or grey', () => {
    expect(values({})).toEqual({ shape: [1, 3, 1, 2], data: Uint8Array.of(1, 4, 2, 5, 3, 6) });
    expect(values({ channels: 'bgr' }).data).toEqual(Uint8Array.of(3, 6, 2, 5, 1, 4));
    expect(values({ layout: 'nhwc' })).toEqual({ shape: [1, 1, 2, 3], data: image.data });
    expect(values({ channels: 'grey' })).toEqual({ shape: [1, 1, 1, 2], data: Uint8Array.of(2, 5) });
  });

  test('(x - mean) / scale, per channel in the order of the model', () => {
    const floats = values({ datatype: 'FP32', channels: 'bgr', mean: [3, 2, 1], scale: [1, 2, 4] }).data;
    expect([...new Float32Array(floats.slice().buffer)]).toEqual([0, 3, 0, 1.5, 0, 0.75]);
    const halves = values({ datatype: 'FP16', mean: [1], scale: [2] }).data;
    expect([...new Float16Array(halves.slice().buffer)]).toEqual([0, 1.5, 0.5, 2, 1, 2.5]);
  });
});

test('from a file to a tensor', async () => {
  const tensor = await preprocessImage(jpegFile, {
    kind: 'image',
    width: 2,
    height: 1,
    fit: 'stretch',
    interpolation: 'bilinear',
    channels: 'rgb',
    layout: 'nhwc',
    datatype: 'UINT8',
    mean: [0],
    scale: [1],
  });
  expect(tensor).toEqual({
    datatype: 'UINT8',
    shape: [1, 1, 2, 3],
    data: Uint8Array.of(254, 0, 0, 0, 0, 254),
  });
});
