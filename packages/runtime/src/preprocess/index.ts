export { decodeImage } from './decode.ts';
export { preprocessAudio } from './frames.ts';
export type { Image } from './image.ts';
export { preprocessImage } from './preprocess-image.ts';
