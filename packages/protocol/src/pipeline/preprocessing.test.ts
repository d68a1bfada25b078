import { expect, test } from 'vitest';
import { checkDocument } from '../document.ts';
import { type Preprocessing, PreprocessingSchema } from './preprocessing.ts';

const image = {
  kind: 'image',
  width: 320,
  height: 240,
  fit: 'stretch',
  interpolation: 'bilinear',
  channels: 'rgb',
  layout: 'nchw',
  datatype: 'FP32',
  mean: [127],
  scale: [128],
} satisfies Preprocessing;
const audio = {
  kind: 'audio',
  sampleRateHz: 16_000,
  windowSamples: 576,
  hopSamples: 512,
  contextSamples: 64,
} satisfies Preprocessing;

const check = (document: unknown) => checkDocument(PreprocessingSchema, document, 'preprocessing');

test('pictures and sound as data', () => {
  expect(check(image)).toEqual(image);
  expect(check(audio)).toEqual(audio);
});

test.each<[string, unknown]>([
  ['division by zero', { ...image, scale: [1, 0, 1] }],
  ['three means for one channel', { ...image, channels: 'grey', mean: [1, 2, 3] }],
  ['two means', { ...image, mean: [1, 2] }],
  ['bytes that are normalised', { ...image, datatype: 'UINT8' }],
  ['no width', { ...image, width: 0 }],
  ['more pixels than are decoded', { ...image, width: 32_768, height: 32_768 }],
  ['infinite numbers', { ...image, mean: [Number.POSITIVE_INFINITY] }],
  ['a window that is all context', { ...audio, contextSamples: 576 }],
  ['windows that do not move', { ...audio, hopSamples: 0 }],
  ['another kind', { ...audio, kind: 'video' }],
])('%s is refused', (_, document) => {
  expect(() => check(document)).toThrow(expect.objectContaining({ code: 'INVALID_DOCUMENT' }));
});
