import { CoveyError, limits } from '@covey/protocol';

/** A picture: bytes of red, green and blue, row by row. */
export interface Image {
  width: number;
  height: number;
  data: Uint8Array;
}

export const imageChannels = 3;

/** Room for a picture's bytes. Errors: INVALID_DOCUMENT for one without pixels, PAYLOAD_TOO_LARGE beyond the limits. */
export function createImage(width: number, height: number): Image {
  checkImageSize(width, height);
  return { width, height, data: new Uint8Array(width * height * imageChannels) };
}

/** Asked before anything is decoded. Errors: those of `createImage`. */
export function checkImageSize(width: number, height: number): void {
  if (width === 0 || height === 0) throw new CoveyError('INVALID_DOCUMENT', 'the picture has no pixels');
  const { imagePixels, imageSidePixels } = limits;
  if (width * height <= imagePixels && width <= imageSidePixels && height <= imageSidePixels) return;
  throw new CoveyError(
    'PAYLOAD_TOO_LARGE',
    `the picture has ${width} x ${height} pixels; at most ${imagePixels}, and ${imageSidePixels} a side, are decoded`,
  );
}
