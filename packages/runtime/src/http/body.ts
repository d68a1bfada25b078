import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { CoveyError, limits } from '@covey/protocol';
import type { BodyShare } from '../gateway/index.ts';

/** An inference body: JSON, and the raw tensors that followed it. */
export interface InferenceBody {
  /** Empty where raw tensors are all there is. */
  json: Buffer;
  /** Over shared memory, so that it reaches the model's thread without a copy. Undefined when the whole body is JSON. */
  binary: Uint8Array | undefined;
}

/** Bytes of bodies in memory at a time, over all requests. */
const bodyBytesInFlight = 2 * limits.inferenceBodyBytes;
/** JSON blocks the event loop while it is parsed and takes several times its size: large tensors come in binary. */
const jsonBodyBytes = 16 * 1024 * 1024;
/** Bodies of the sizes last seen, kept for the next: fresh memory costs more than the copy into it (README, figures). */
const sparesKept = 4;
/** Larger bodies are not kept, nor is their memory taken before they have arrived. */
const spareBytes = 4 * 1024 * 1024;

/** Reads bodies within bounds on each and on all together. */
export interface BodyReader {
  /**
   * Resolves with `use(body)`; the body's memory is used again after that. `jsonBytes` is how much JSON comes before raw
   * tensors, undefined when all is JSON. `share` is the caller's. Errors: PAYLOAD_TOO_LARGE, OVERLOADED, UNSUPPORTED, INPUT_INVALID.
   */
  withBody<T>(
    request: IncomingMessage,
    jsonBytes: number | undefined,
    share: BodyShare,
    use: (body: InferenceBody) => Promise<T>,
  ): Promise<T>;
}

export function createBodyReader(): BodyReader {
  let heldBytes = 0;
  const spares: SharedArrayBuffer[] = [];
  const allocate = (sizeBytes: number) => {
    const found = spares.findIndex(({ byteLength }) => byteLength === sizeBytes);
    return (found < 0 ? undefined : spares.splice(found, 1)[0]) ?? new SharedArrayBuffer(sizeBytes);
  };
  const keep = ({ binary }: InferenceBody) => {
    if (!(binary?.buffer instanceof SharedArrayBuffer) || binary.byteLength > spareBytes) return;
    if (spares.push(binary.buffer) > sparesKept) spares.shift();
  };
  return {
    withBody: async (request, jsonBytes, share, use) => {
      let reservedBytes = 0;
      const reserve = (sizeBytes: number) => {
        if (heldBytes + sizeBytes > bodyBytesInFlight || share.heldBytes + sizeBytes > share.limitBytes) {
          throw new CoveyError('OVERLOADED', 'too many large requests are being read; try again shortly');
        }
        heldBytes += sizeBytes;
        share.heldBytes += sizeBytes;
        reservedBytes += sizeBytes;
      };
      try {
        const body = await readBody(request, jsonBytes, { reserve, allocate });
        try {
          return await use(body);
        } finally {
          keep(body);
        }
      } finally {
        heldBytes -= reservedBytes;
        share.heldBytes -= reservedBytes;
      }
    },
  };
}

interface BodyMemory {
  /** Bytes count from when they arrive: who only says that many will come holds up nobody. Errors: OVERLOADED. */
  reserve: (sizeBytes: number) => void;
  allocate: (sizeBytes: number) => SharedArrayBuffer;
}

async function readBody(
  request: IncomingMessage,
  jsonBytes: number | undefined,
  memory: BodyMemory,
): Promise<InferenceBody> {
  const limitBytes = jsonBytes === undefined ? jsonBodyBytes : limits.inferenceBodyBytes;
  const encoding = encodingOf(request);
  const declared = request.headers['content-length'];
  if (declared !== undefined && Number(declared) > limitBytes) {
    throw tooLarge(`the body has ${declared} bytes`, limitBytes);
  }
  if (declared !== undefined && encoding === undefined && Number(declared) <= spareBytes) {
    // The bytes go where they belong as they arrive.
    const body = new BodyBuffer(Number(declared), jsonBytes, memory.allocate);
    await forEachChunk(request, (chunk) => {
      memory.reserve(chunk.byteLength);
      body.append(chunk);
      release(chunk);
    });
    return body.finish();
  }
  const { chunks, sizeBytes } = await collect(request, encoding, limitBytes, memory);
  const body = new BodyBuffer(sizeBytes, jsonBytes, memory.allocate);
  for (const chunk of chunks) {
    body.append(chunk);
    release(chunk);
  }
  return body.finish();
}

/**
 * Gives a chunk's memory back now: its size counts as pressure on the heap, so that bodies of 0.9 MB made V8 mark the whole
 * heap at every twelfth of them (README, figures).
 */
function release({ buffer, byteLength }: Buffer): void {
  // Memory that is shared with other chunks, as of small ones, is left to V8.
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0);
}

/** Large, compressed or chunked: how much it takes shows as it arrives. */
async function collect(
  request: IncomingMessage,
  encoding: Encoding | undefined,
  limitBytes: number,
  memory: BodyMemory,
): Promise<{ chunks: Buffer[]; sizeBytes: number }> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const take = (chunk: Buffer) => {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > limitBytes) throw tooLarge('the body is larger', limitBytes);
    memory.reserve(chunk.byteLength);
    chunks.push(chunk);
  };
  if (encoding === undefined) {
    await forEachChunk(request, take);
    return { chunks, sizeBytes };
  }
  const decoder = encoding === 'gzip' ? createGunzip() : createInflate();
  const failed = (error: Error) => decoder.destroy(error);
  const endedEarly = () => {
    if (!request.complete) failed(new Error('the client went away'));
  };
  request.once('error', failed).once('close', endedEarly);
  try {
    await forEachChunk(request.pipe(decoder), take);
  } finally {
    // What was refused is not decoded to its end.
    request.off('error', failed).off('close', endedEarly).unpipe(decoder).resume();
    decoder.on('error', () => {}).destroy();
  }
  return { chunks, sizeBytes };
}

/** A body being filled. The binary part starts an allocation of its own, so that its first tensor is aligned. */
class BodyBuffer {
  readonly #json: Buffer;
  readonly #binary: Uint8Array | undefined;
  #filled = 0;

  constructor(sizeBytes: number, jsonLength: number | undefined, allocate: BodyMemory['allocate']) {
    const jsonBytes = jsonLength ?? sizeBytes;
    if (jsonBytes > sizeBytes) {
      const message = `Inference-Header-Content-Length is ${jsonBytes}, the whole body has ${sizeBytes} bytes`;
      throw new CoveyError('INPUT_INVALID', message);
    }
    this.#json = Buffer.allocUnsafe(jsonBytes);
    if (jsonLength !== undefined) this.#binary = new Uint8Array(allocate(sizeBytes - jsonBytes));
  }

  append(chunk: Buffer): void {
    const toJson = Math.min(chunk.byteLength, Math.max(0, this.#json.byteLength - this.#filled));
    if (toJson > 0) chunk.copy(this.#json, this.#filled, 0, toJson);
    if (this.#binary && toJson < chunk.byteLength) {
      // Not `set`, which copies into shared memory word by word.
      chunk.copy(this.#binary, this.#filled + toJson - this.#json.byteLength, toJson);
    }
    this.#filled += chunk.byteLength;
  }

  finish(): InferenceBody {
    return { json: this.#json, binary: this.#binary };
  }
}

type Encoding = 'gzip' | 'deflate';

function encodingOf(request: IncomingMessage): Encoding | undefined {
  const header = request.headers['content-encoding'];
  const encoding = header?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity') return undefined;
  if (encoding === 'gzip' || encoding === 'deflate') return encoding;
  throw new CoveyError('UNSUPPORTED', `Content-Encoding ${encoding.slice(0, 40)}: use gzip, deflate or none`);
}

/** Events, not an async iterator: that costs a turn of the loop per chunk, 15 for a small image. */
function forEachChunk(stream: Readable, use: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      try {
        use(chunk);
      } catch (error) {
        stream.removeAllListeners('data');
        reject(error as Error);
      }
    });
    let hasEnded = false;
    stream.once('end', () => {
      hasEnded = true;
      resolve();
    });
    stream.once('error', (cause: Error) => {
      reject(new CoveyError('INPUT_INVALID', `the body cannot be read: ${cause.message}`, { cause }));
    });
    stream.once('close', () => {
      if (!hasEnded) reject(new CoveyError('INPUT_INVALID', 'the body ended too early'));
    });
  });
}

function tooLarge(what: string, limitBytes: number): CoveyError {
  const advice = limitBytes === jsonBodyBytes ? ' for JSON: send large tensors in binary' : '';
  return new CoveyError('PAYLOAD_TOO_LARGE', `${what}, the limit is ${limitBytes}${advice}`);
}
