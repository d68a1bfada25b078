import { CoveyError } from '@covey/protocol';
import type { Decoding } from '../preprocess/index.ts';

/** Pictures in a worker of the page's. */
export function webDecoding(assetsUrl: string): Decoding {
  let decoder: Promise<Uint8Array> | undefined;
  return {
    jpegDecoder: () => {
      decoder ??= fetchDecoder(`${assetsUrl}mozjpeg_dec.wasm`).catch((error) => {
        decoder = undefined;
        throw error;
      });
      return decoder;
    },
    inflate: async (compressed, mostBytes) => {
      const stream = new Blob(compressed as Uint8Array<ArrayBuffer>[])
        .stream()
        .pipeThrough(new DecompressionStream('deflate'));
      const inflated = new Uint8Array(mostBytes);
      let sizeBytes = 0;
      for await (const chunk of stream) {
        if (sizeBytes + chunk.byteLength > mostBytes) throw new RangeError(`more than ${mostBytes} bytes`);
        inflated.set(chunk, sizeBytes);
        sizeBytes += chunk.byteLength;
      }
      return inflated.subarray(0, sizeBytes);
    },
  };
}

async function fetchDecoder(url: string): Promise<Uint8Array> {
  const answer = await fetch(url).catch((cause) => {
    throw new CoveyError('UNREACHABLE', `the decoder of JPEG files cannot be fetched: ${url}`, { cause });
  });
  if (!answer.ok) throw new CoveyError('NOT_FOUND', `${url} answers ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}
