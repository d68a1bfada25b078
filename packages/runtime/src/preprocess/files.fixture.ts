import { crc32, deflateSync } from 'node:zlib';

/** 16 x 8 pixels, the left half red, the right blue; a baseline file. */
export const jpegFile = Uint8Array.from(
  Buffer.from(
    '/9j/4AAQSkZJRgABAQAAAQABAAD/2wCEAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRQBAwQEBQQFCQUFCRQNCw0UFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFP/AABEIAAgAEAMBEQACEQEDEQH/xAGiAAABBQEBAQEBAQAAAAAAAAAAAQIDBAUGBwgJCgsQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+gEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoLEQACAQIEBAMEBwUEBAABAncAAQIDEQQFITEGEkFRB2FxEyIygQgUQpGhscEJIzNS8BVictEKFiQ04SXxFxgZGiYnKCkqNTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqCg4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2dri4+Tl5ufo6ery8/T19vf4+fr/2gAMAwEAAhEDEQA/APnSvww/1TPAq/3GP8dD/9k=',
    'base64',
  ),
);

/** The same with an EXIF orientation (1 to 8) in front. */
export function turnedJpeg(orientation: number): Uint8Array {
  const tiff = [
    0x4d,
    0x4d,
    0,
    42,
    0,
    0,
    0,
    8,
    0,
    1,
    0x01,
    0x12,
    0,
    3,
    0,
    0,
    0,
    1,
    0,
    orientation,
    0,
    0,
    0,
    0,
    0,
    0,
  ];
  const exif = [...Buffer.from('Exif\0\0'), ...tiff];
  return Uint8Array.from([
    ...jpegFile.subarray(0, 2),
    0xff,
    0xe1,
    0,
    exif.length + 2,
    ...exif,
    ...jpegFile.subarray(2),
  ]);
}

export interface PngContent {
  width: number;
  height: number;
  depth: number;
  colourType: number;
  interlaced?: boolean;
  palette?: number[];
  /** Rows as they lie in the file, each after its filter byte. */
  rows: Uint8Array;
}

/** A PNG file around rows that the caller has filtered. */
export function pngFile({
  width,
  height,
  depth,
  colourType,
  interlaced,
  palette,
  rows,
}: PngContent): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourType, 0, 0, interlaced ? 1 : 0], 8);
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    ...(palette ? [chunk('PLTE', Uint8Array.from(palette))] : []),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', new Uint8Array()),
  ]);
}

function chunk(type: string, content: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(content.byteLength, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

/** A WAV file of one chunk of data (Microsoft's RIFF: format tag 1 is PCM, 3 float). */
export function wavFile(
  { tag = 1, channels = 1, sampleRateHz = 16_000, bits = 16, isExtensible = false },
  data: Uint8Array,
): Uint8Array {
  const format = Buffer.alloc(isExtensible ? 40 : 16);
  format.writeUInt16LE(isExtensible ? 0xfffe : tag, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(sampleRateHz, 4);
  format.writeUInt16LE(bits, 14);
  if (isExtensible) format.writeUInt16LE(tag, 24);
  const part = (name: string, content: Uint8Array) => {
    const head = Buffer.alloc(8);
    head.write(name, 'latin1');
    head.writeUInt32LE(content.byteLength, 4);
    return Buffer.concat([head, content, Buffer.alloc(content.byteLength & 1)]);
  };
  const body = Buffer.concat([
    Buffer.from('WAVE'),
    part('fmt ', format),
    part('LIST', Buffer.from('odd')),
    part('data', data),
  ]);
  return part('RIFF', body);
}
