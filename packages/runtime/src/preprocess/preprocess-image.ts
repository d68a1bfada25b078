import type { ImagePreprocessing, Tensor } from '@covey/protocol';
import { decodeImage } from './decode.ts';
import { fitImage } from './fit.ts';
import { imageTensor } from './image-tensor.ts';

/** A JPEG or PNG file as a model takes it, a batch of one. Errors: those of `decodeImage`. */
export async function preprocessImage(bytes: Uint8Array, preprocessing: ImagePreprocessing): Promise<Tensor> {
  return imageTensor(fitImage(await decodeImage(bytes), preprocessing), preprocessing);
}
