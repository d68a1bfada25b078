import { CoveyError } from '@covey/protocol';
import { crc32 } from './crc32.ts';
import type { Decoding } from './decoding.ts';
import { checkImageSize, createImage, type Image, imageChannels } from './image.ts';

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

export function isPng(bytes: Uint8Array): boolean {
  return signature.every((byte, index) => bytes[index] === byte);
}

interface Header {
  width: number;
  height: number;
  depth: number;
  colour: Colour;
  interlaced: boolean;
}

/** Samples per pixel, and the depths allowed, by colour type (PNG third edition, table 9). */
const colours = {
  0: { name: 'grey', samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { name: 'rgb', samples: 3, depths: [8, 16] },
  3: { name: 'palette', samples: 1, depths: [1, 2, 4, 8] },
  4: { name: 'grey', samples: 2, depths: [8, 16] },
  6: { name: 'rgb', samples: 4, depths: [8, 16] },
} as const;
type Colour = (typeof colours)[keyof typeof colours];

/** Passes of Adam7: where each begins and how far its pixels lie apart (PNG third edition, 8.1). */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;
const allAtOnce = [[0, 0, 1, 1]] as const;

/**
 * Decodes a PNG (PNG third edition): all colour types and depths, interlaced too; 16-bit samples keep their upper byte.
 * Inflates no more bytes than the picture's size needs. Errors: INVALID_DOCUMENT, PAYLOAD_TOO_LARGE.
 */
export async function decodePng(bytes: Uint8Array, decoding: Decoding): Promise<Image> {
  const { header, palette, compressed } = readChunks(bytes);
  const image = createImage(header.width, header.height);
  const passes = (header.interlaced ? adam7 : allAtOnce)
    .map(([x, y, stepX, stepY]) => ({
      x,
      y,
      stepX,
      stepY,
      columns: Math.ceil((header.width - x) / stepX),
      rows: Math.ceil((header.height - y) / stepY),
    }))
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
  const bitsPerPixel = header.colour.samples * header.depth;
  const rowBytes = (columns: number) => Math.ceil((columns * bitsPerPixel) / 8);
  const needed = passes.reduce((sum, { columns, rows }) => sum + rows * (1 + rowBytes(columns)), 0);
  const filtered = await inflated(decoding, compressed, needed);
  const write = pixelWriter(header, palette, image);
  let offset = 0;
  for (const { x, y, stepX, stepY, columns, rows } of passes) {
    const length = rowBytes(columns);
    let above: Uint8Array = new Uint8Array(length);
    for (let row = 0; row < rows; row++) {
      const line = filtered.subarray(offset + 1, offset + 1 + length);
      unfilter(filtered[offset] ?? 0, line, above, Math.max(1, bitsPerPixel >> 3));
      for (let column = 0; column < columns; column++)
        write(line, column, x + column * stepX, y + row * stepY);
      above = line;
      offset += 1 + length;
    }
  }
  return image;
}

async function inflated(decoding: Decoding, compressed: Uint8Array[], needed: number): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await decoding.inflate(compressed, needed);
  } catch (cause) {
    const tooLong = cause instanceof RangeError;
    throw invalid(tooLong ? 'it holds more bytes than pixels' : (cause as Error).message, cause);
  }
  if (bytes.byteLength < needed) throw invalid('it ends before its last pixel');
  return bytes;
}

interface Chunks {
  header: Header;
  palette: Uint8Array;
  compressed: Uint8Array[];
}

function readChunks(bytes: Uint8Array): Chunks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const compressed: Uint8Array[] = [];
  let header: Header | undefined;
  let palette = new Uint8Array();
  for (let at = signature.length; at < bytes.byteLength; ) {
    if (at + 12 > bytes.byteLength || at + 12 + view.getUint32(at) > bytes.byteLength)
      throw invalid('it is truncated');
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const content = bytes.subarray(at + 8, at + 8 + length);
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length))
      throw invalid(`the checksum of its ${type} chunk is wrong`);
    if (type === 'IHDR') header = readHeader(content);
    else if (type === 'PLTE') palette = new Uint8Array(content);
    else if (type === 'IDAT') compressed.push(content);
    else if (type === 'IEND') break;
    at += 12 + length;
  }
  if (!header) throw invalid('it has no header');
  if (header.colour.name === 'palette' && palette.byteLength === 0) throw invalid('it has no palette');
  return { header, palette, compressed };
}

function readHeader(content: Uint8Array): Header {
  if (content.byteLength !== 13) throw invalid('its header has a wrong length');
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const [width, height, depth] = [view.getUint32(0), view.getUint32(4), view.getUint8(8)];
  const colour = (colours as Record<number, Colour>)[view.getUint8(9)];
  const depths: readonly number[] = colour?.depths ?? [];
  if (!colour || !depths.includes(depth) || view.getUint8(12) > 1)
    throw invalid('its colour type, depth or interlacing does not exist');
  checkImageSize(width, height);
  return { width, height, depth, colour, interlaced: view.getUint8(12) === 1 };
}

/** Undoes the filter of one row in place (PNG third edition, clause 9). `step` is the distance to the byte on the left. */
function unfilter(filter: number, line: Uint8Array, above: Uint8Array, step: number): void {
  if (filter > 4) throw invalid(`there is no filter ${filter}`);
  for (let i = 0; i < line.length; i++) {
    const left = i < step ? 0 : (line[i - step] ?? 0);
    const up = above[i] ?? 0;
    const upLeft = i < step ? 0 : (above[i - step] ?? 0);
    const predicted =
      filter === 0
        ? 0
        : filter === 1
          ? left
          : filter === 2
            ? up
            : filter === 3
              ? (left + up) >> 1
              : paeth(left, up, upLeft);
    line[i] = (line[i] ?? 0) + predicted;
  }
}

function paeth(left: number, up: number, upLeft: number): number {
  const estimate = left + up - upLeft;
  const [toLeft, toUp, toUpLeft] = [
    Math.abs(estimate - left),
    Math.abs(estimate - up),
    Math.abs(estimate - upLeft),
  ];
  if (toLeft <= toUp && toLeft <= toUpLeft) return left;
  return toUp <= toUpLeft ? up : upLeft;
}

/** Writes the pixel `column` of an unfiltered row to its place in the picture. */
function pixelWriter({ depth, colour }: Header, palette: Uint8Array, image: Image) {
  const { name, samples } = colour;
  const sample = (line: Uint8Array, index: number): number => {
    if (depth === 16) return line[index * 2] ?? 0;
    if (depth === 8) return line[index] ?? 0;
    const bit = index * depth;
    return ((line[bit >> 3] ?? 0) >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
  };
  const greyStep = depth < 8 ? 255 / ((1 << depth) - 1) : 1;
  return (line: Uint8Array, column: number, x: number, y: number): void => {
    const to = (y * image.width + x) * imageChannels;
    const first = column * samples;
    for (let channel = 0; channel < imageChannels; channel++) {
      image.data[to + channel] =
        name === 'rgb'
          ? sample(line, first + channel)
          : name === 'grey'
            ? sample(line, first) * greyStep
            : (palette[sample(line, first) * 3 + channel] ?? 0);
    }
  };
}

const invalid = (what: string, cause?: unknown) =>
  new CoveyError('INVALID_DOCUMENT', `the PNG file is damaged: ${what}`, { cause });
