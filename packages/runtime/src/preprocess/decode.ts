import { CoveyError } from '@covey/protocol';
import type { Decoding } from './decoding.ts';
import type { Image } from './image.ts';
import { decodeJpeg, isJpeg } from './jpeg.ts';
import { decodePng, isPng } from './png.ts';

/**
 * A JPEG or PNG file as red, green and blue, the right way up; transparency is dropped, as Pillow's `convert('RGB')` and
 * OpenCV's `imread` do. Errors: UNSUPPORTED for other formats, INVALID_DOCUMENT for damaged files, PAYLOAD_TOO_LARGE.
 */
export async function decodeImage(bytes: Uint8Array, decoding: Decoding): Promise<Image> {
  if (isJpeg(bytes)) return decodeJpeg(bytes, decoding);
  if (isPng(bytes)) return decodePng(bytes, decoding);
  throw new CoveyError('UNSUPPORTED', 'the file is neither JPEG nor PNG');
}
