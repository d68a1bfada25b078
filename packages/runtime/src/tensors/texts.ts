import { CoveyError } from '@covey/protocol';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** BYTES elements as the binary extension lays them out: u32 length, little-endian, then the bytes. */
export function encodeElements(elements: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(elements.reduce((total, { byteLength }) => total + 4 + byteLength, 0));
  const view = new DataView(joined.buffer);
  let offset = 0;
  for (const element of elements) {
    view.setUint32(offset, element.byteLength, true);
    joined.set(element, offset + 4);
    offset += 4 + element.byteLength;
  }
  return joined;
}

export function encodeTexts(texts: readonly string[]): Uint8Array {
  return encodeElements(texts.map((text) => encoder.encode(text)));
}

/** The reverse of `encodeElements`: views, not copies. Errors: INPUT_INVALID (lengths that lie, another count). */
export function decodeElements(data: Uint8Array, count: number): Uint8Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const elements: Uint8Array[] = [];
  let offset = 0;
  while (offset < data.byteLength) {
    const end = offset + 4 <= data.byteLength ? offset + 4 + view.getUint32(offset, true) : Infinity;
    if (end > data.byteLength) {
      throw new CoveyError('INPUT_INVALID', `BYTES element ${elements.length} is longer than the data`);
    }
    elements.push(data.subarray(offset + 4, end));
    offset = end;
  }
  if (elements.length !== count) {
    throw new CoveyError('INPUT_INVALID', `BYTES data hold ${elements.length} elements, the shape ${count}`);
  }
  return elements;
}

/** The reverse of `encodeTexts`. Errors: those of decodeElements, and INPUT_INVALID for what is not UTF-8. */
export function decodeTexts(data: Uint8Array, count: number): string[] {
  return decodeElements(data, count).map((bytes, index) => {
    try {
      // A copy: TextDecoder refuses shared memory.
      return decoder.decode(bytes.slice());
    } catch (cause) {
      const message = `BYTES element ${index} is not UTF-8, and texts are all that ONNX Runtime takes as strings`;
      throw new CoveyError('INPUT_INVALID', message, { cause });
    }
  });
}
