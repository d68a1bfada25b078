import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';
import type { ImagePreprocessing, Tensor } from '@covey/protocol';
import type { Decoding, Image } from '../preprocess/index.ts';
import * as preprocess from '../preprocess/index.ts';

export const nodeDecoding: Decoding = {
  jpegDecoder: () => readFile(fileURLToPath(import.meta.resolve('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm'))),
  inflate: async (compressed, mostBytes) => {
    try {
      return inflateSync(Buffer.concat(compressed), { maxOutputLength: mostBytes });
    } catch (cause) {
      if ((cause as { code?: string }).code !== 'ERR_BUFFER_TOO_LARGE') throw cause;
      throw new RangeError(`more than ${mostBytes} bytes`, { cause });
    }
  },
};

/** A JPEG or PNG file as red, green and blue. Errors: those of the preprocessing's decodeImage. */
export function decodeImage(bytes: Uint8Array): Promise<Image> {
  return preprocess.decodeImage(bytes, nodeDecoding);
}

/** A JPEG or PNG file as a model takes it, a batch of one. Errors: those of `decodeImage`. */
export function preprocessImage(bytes: Uint8Array, preprocessing: ImagePreprocessing): Promise<Tensor> {
  return preprocess.preprocessImage(bytes, preprocessing, nodeDecoding);
}
