export { decodeImage } from './decode.ts';
export type { Decoding } from './decoding.ts';
export { preprocessAudio } from './frames.ts';
export type { Image } from './image.ts';
export { preprocessImage } from './preprocess-image.ts';
