import { CoveyError } from '@covey/protocol';

/** BYTES elements as the binary extension lays them out: u32 length, little-endian, then the bytes. */
export function encodeTexts(texts: readonly string[]): Uint8Array {
  const parts = texts.flatMap((text) => {
    const bytes = Buffer.from(text, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.byteLength);
    return [length, bytes];
  });
  // Not from Buffer's pool, which a message to another thread would carry along whole.
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.byteLength;
  }
  return joined;
}

/** The reverse of `encodeTexts`. Errors: INPUT_INVALID (lengths that lie, another count, not UTF-8). */
export function decodeTexts(data: Uint8Array, count: number): string[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const texts: string[] = [];
  let offset = 0;
  while (offset < data.byteLength) {
    const end = offset + 4 <= data.byteLength ? offset + 4 + view.getUint32(offset, true) : Infinity;
    if (end > data.byteLength) {
      throw new CoveyError('INPUT_INVALID', `BYTES element ${texts.length} is longer than the data`);
    }
    try {
      // A copy: TextDecoder refuses shared memory.
      texts.push(decoder.decode(data.slice(offset + 4, end)));
    } catch (cause) {
      throw new CoveyError('INPUT_INVALID', `BYTES element ${texts.length} is not UTF-8 text`, { cause });
    }
    offset = end;
  }
  if (texts.length !== count) {
    throw new CoveyError('INPUT_INVALID', `BYTES data hold ${texts.length} elements, the shape ${count}`);
  }
  return texts;
}
