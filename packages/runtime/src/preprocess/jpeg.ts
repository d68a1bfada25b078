import { CoveyError } from '@covey/protocol';
import type { Decoding } from './decoding.ts';
import { checkImageSize, createImage, type Image, imageChannels } from './image.ts';

/** A progressive file may pass over the picture as often as it likes; encoders write about ten scans. */
const mostScans = 100;

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8;
}

/**
 * Decodes as libjpeg does (MozJPEG as WebAssembly), so that pixels are those that most training pipelines saw, and turns the
 * picture as its EXIF orientation says. Every picture gets an instance of its own: a damaged file may corrupt the decoder's
 * memory, but no other picture. Errors: INVALID_DOCUMENT with the decoder's words, PAYLOAD_TOO_LARGE.
 */
export async function decodeJpeg(bytes: Uint8Array, decoding: Decoding): Promise<Image> {
  const { width, height, scans } = readJpegHeader(bytes);
  checkImageSize(width, height);
  if (scans > mostScans) throw invalid(`it has ${scans} scans, at most ${mostScans} are decoded`);
  const words: string[] = [];
  const codec = await startCodec(decoding, (line) => words.push(line));
  let decoded: Decoded | null;
  try {
    decoded = codec.decode(new Uint8Array(bytes).buffer, true);
  } catch (cause) {
    throw invalid(words.at(-1) ?? String(cause), cause);
  }
  const truncated = words.find((line) => line.startsWith('Premature end'));
  if (!decoded || truncated) throw invalid(truncated ?? words.at(-1) ?? 'it cannot be decoded');
  return withoutAlpha(decoded);
}

interface Decoded {
  width: number;
  height: number;
  data: Uint8ClampedArray;
}

/** What the package gives, whose own declarations need the browser's. */
interface Codec {
  decode(bytes: ArrayBuffer, applyOrientation: boolean): Decoded | null;
}

async function startCodec(decoding: Decoding, onLine: (line: string) => void): Promise<Codec> {
  const wasmBinary = await decoding.jpegDecoder();
  const { default: start } = await import('@jsquash/jpeg/codec/dec/mozjpeg_dec.js');
  // The engine keeps compiled code by its bytes: only the first start costs.
  return start({ noInitialRun: true, print: onLine, printErr: onLine, wasmBinary });
}

function withoutAlpha({ width, height, data }: Decoded): Image {
  const image = createImage(width, height);
  for (let from = 0, to = 0; from < data.length; from += 4, to += imageChannels) {
    image.data[to] = data[from] ?? 0;
    image.data[to + 1] = data[from + 1] ?? 0;
    image.data[to + 2] = data[from + 2] ?? 0;
  }
  return image;
}

interface JpegHeader {
  width: number;
  height: number;
  scans: number;
}

/**
 * The largest size that a frame header states, and the number of scans, read without decoding anything (ITU-T T.81, annex B).
 * Errors: INVALID_DOCUMENT without a frame header.
 */
function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const header: JpegHeader = { width: 0, height: 0, scans: 0 };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hasFrame = false;
  let at = 2;
  while (at + 4 <= bytes.byteLength) {
    const marker = bytes[at + 1] ?? 0;
    // Anything but FF, and FF 00, FF FF and restart markers: entropy-coded data or fill bytes.
    if (bytes[at] !== 0xff || marker === 0 || marker === 0xff || (marker >= 0xd0 && marker <= 0xd8)) {
      at++;
      continue;
    }
    if (marker === 0xd9) break;
    if (isFrame(marker) && at + 9 <= bytes.byteLength) {
      hasFrame = true;
      header.height = Math.max(header.height, view.getUint16(at + 5));
      header.width = Math.max(header.width, view.getUint16(at + 7));
    }
    if (marker === 0xda) header.scans++;
    at += 2 + view.getUint16(at + 2);
  }
  if (!hasFrame) throw invalid('it has no frame header');
  return header;
}

/** SOF0 to SOF15, between which lie DHT, JPG and DAC. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

const invalid = (what: string, cause?: unknown) =>
  new CoveyError('INVALID_DOCUMENT', `the JPEG file cannot be decoded: ${what}`, { cause });
