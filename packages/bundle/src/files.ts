import { createHash } from 'node:crypto';
import { type BundleFile, CoveyError } from '@covey/protocol';
import { cutEnds, type Extent } from './cut.ts';
import { sha256 } from './digest.ts';

type Chunk = BundleFile['chunks'][number];

/** Cuts a file into chunks, large tensors apart; `chunks` are views into `bytes`. */
export function cutFile(
  path: string,
  bytes: Uint8Array,
  tensors: readonly Extent[] = [],
): { file: BundleFile; chunks: Map<string, Uint8Array> } {
  let start = 0;
  const parts = cutEnds(bytes, tensors).map((end) => {
    const part = bytes.subarray(start, end);
    start = end;
    return { sha256: sha256(part), part };
  });
  return {
    file: {
      path,
      sizeBytes: bytes.byteLength,
      sha256: sha256(bytes),
      chunks: parts.map((chunk) => ({ sha256: chunk.sha256, sizeBytes: chunk.part.byteLength })),
    },
    chunks: new Map(parts.map((chunk) => [chunk.sha256, chunk.part])),
  };
}

/** Errors: BUNDLE_CORRUPT unless `bytes` are the chunk that the manifest names. */
export function verifyChunk(bytes: Uint8Array, expected: Chunk): void {
  if (!isChunk(bytes, expected)) {
    throw new CoveyError('BUNDLE_CORRUPT', `chunk ${expected.sha256} does not match its digest`);
  }
}

/** Whether `bytes` are the chunk that the manifest names. */
export function isChunk(bytes: Uint8Array, expected: Chunk): boolean {
  return bytes.byteLength === expected.sizeBytes && sha256(bytes) === expected.sha256;
}

/** Verifies a file as its chunks arrive in order, in memory for one chunk. Nothing may use the file before `finish`. */
export class FileVerifier {
  readonly #file: BundleFile;
  readonly #hash = createHash('sha256');
  #next = 0;

  constructor(file: BundleFile) {
    this.#file = file;
  }

  /** Takes the next chunk. Errors: BUNDLE_CORRUPT; the verifier then still waits for that chunk. */
  add(bytes: Uint8Array): void {
    const expected = this.#file.chunks[this.#next];
    if (expected === undefined) {
      throw new CoveyError('BUNDLE_CORRUPT', `file ${this.#file.path} has more bytes than its manifest says`);
    }
    verifyChunk(bytes, expected);
    this.#hash.update(bytes);
    this.#next++;
  }

  /** Call once, after the last chunk. Errors: BUNDLE_INCOMPLETE, BUNDLE_CORRUPT. */
  finish(): void {
    const { path, chunks, sha256: expected } = this.#file;
    if (this.#next < chunks.length) {
      throw new CoveyError(
        'BUNDLE_INCOMPLETE',
        `file ${path}: chunk ${this.#next} of ${chunks.length} is missing`,
      );
    }
    if (this.#hash.digest('hex') !== expected) {
      throw new CoveyError('BUNDLE_CORRUPT', `file ${path} does not match its digest`);
    }
  }
}

/**
 * The verified chunks of a file in order; `readChunk` gives a chunk's bytes by digest, undefined when there are none. The
 * digest of the whole is known after the last one, so write to a temporary place and put the file in its own when the
 * iteration has ended without error. Errors: BUNDLE_INCOMPLETE, BUNDLE_CORRUPT, those of `readChunk`.
 */
export async function* assembleFile(
  file: BundleFile,
  readChunk: (sha256: string) => Promise<Uint8Array | undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const verifier = new FileVerifier(file);
  for (const chunk of file.chunks) {
    const bytes = await readChunk(chunk.sha256);
    if (bytes === undefined) {
      throw new CoveyError('BUNDLE_INCOMPLETE', `file ${file.path}: chunk ${chunk.sha256} is missing`);
    }
    verifier.add(bytes);
    yield bytes;
  }
  verifier.finish();
}
