import type { ImagePreprocessing, Tensor } from '@covey/protocol';
import { decodeImage } from './decode.ts';
import type { Decoding } from './decoding.ts';
import { fitImage } from './fit.ts';
import { imageTensor } from './image-tensor.ts';

/** A JPEG or PNG file as a model takes it, a batch of one. Errors: those of `decodeImage`. */
export async function preprocessImage(
  bytes: Uint8Array,
  preprocessing: ImagePreprocessing,
  decoding: Decoding,
): Promise<Tensor> {
  return imageTensor(fitImage(await decodeImage(bytes, decoding), preprocessing), preprocessing);
}
