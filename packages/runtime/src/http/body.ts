import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { CoveyError, limits } from '@covey/protocol';

/** An inference body: JSON, and the raw tensors that followed it. */
export interface InferenceBody {
  /** Empty for a raw request. */
  json: Buffer;
  /** Over shared memory, so that it reaches the model's thread without a copy. Undefined without the binary extension. */
  binary: Uint8Array | undefined;
}

/** Bytes of bodies in memory at a time, over all requests. */
const bodyBytesInFlight = 2 * limits.inferenceBodyBytes;

/** Bodies of the sizes last seen, kept for the next: fresh memory costs more than the copy into it (README, figures). */
const sparesKept = 4;
/** Larger bodies are not kept. */
const spareBytes = 4 * 1024 * 1024;

/** Reads bodies within bounds on each and on all together. */
export interface BodyReader {
  /** Resolves with `use(body)`; the body's memory is used again after that. Errors: PAYLOAD_TOO_LARGE, OVERLOADED, UNSUPPORTED, INPUT_INVALID. */
  withBody<T>(request: IncomingMessage, use: (body: InferenceBody) => Promise<T>): Promise<T>;
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
    withBody: async (request, use) => {
      const jsonLength = inferenceHeaderLength(request);
      const declared = declaredLength(request);
      let reservedBytes = 0;
      const reserve = (sizeBytes: number) => {
        if (heldBytes + sizeBytes > bodyBytesInFlight) {
          throw new CoveyError('OVERLOADED', 'too many large requests are being read; try again shortly');
        }
        heldBytes += sizeBytes;
        reservedBytes += sizeBytes;
      };
      try {
        const body =
          declared === undefined
            ? await readUndeclared(request, jsonLength, { reserve, allocate })
            : await readDeclared(request, jsonLength, declared, { reserve, allocate });
        try {
          return await use(body);
        } finally {
          keep(body);
        }
      } finally {
        heldBytes -= reservedBytes;
      }
    },
  };
}

type Allocate = (sizeBytes: number) => SharedArrayBuffer;

interface BodyMemory {
  /** Errors: OVERLOADED. */
  reserve: (sizeBytes: number) => void;
  allocate: Allocate;
}

/** The value of Inference-Header-Content-Length: undefined when the body is JSON alone. */
function inferenceHeaderLength(request: IncomingMessage): number | undefined {
  const value = request.headers['inference-header-content-length'];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^\d{1,10}$/.test(value)) {
    throw new CoveyError('INPUT_INVALID', 'header Inference-Header-Content-Length must be a number of bytes');
  }
  if (Number(value) > limits.inferenceHeaderBytes) {
    throw tooLarge(`the JSON header has ${value} bytes`, limits.inferenceHeaderBytes);
  }
  return Number(value);
}

/** Length of the body after decoding, where it is known beforehand. */
function declaredLength(request: IncomingMessage): number | undefined {
  const length = request.headers['content-length'];
  if (length !== undefined && Number(length) > limits.inferenceBodyBytes) {
    throw tooLarge(`the body has ${length} bytes`, limits.inferenceBodyBytes);
  }
  return length === undefined || encodingOf(request) !== 'identity' ? undefined : Number(length);
}

/** The bytes go where they belong as they arrive. */
async function readDeclared(
  request: IncomingMessage,
  jsonLength: number | undefined,
  sizeBytes: number,
  memory: BodyMemory,
): Promise<InferenceBody> {
  memory.reserve(sizeBytes);
  const body = new BodyBuffer(sizeBytes, jsonLength, memory.allocate);
  await forEachChunk(request, (chunk) => body.append(chunk));
  return body.finish();
}

/** Compressed or chunked: how large it is shows at its end. */
async function readUndeclared(
  request: IncomingMessage,
  jsonLength: number | undefined,
  memory: BodyMemory,
): Promise<InferenceBody> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  await forEachChunk(decoded(request), (chunk) => {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > limits.inferenceBodyBytes) {
      throw tooLarge('the body is larger when decoded', limits.inferenceBodyBytes);
    }
    memory.reserve(chunk.byteLength);
    chunks.push(chunk);
  });
  const body = new BodyBuffer(sizeBytes, jsonLength, memory.allocate);
  for (const chunk of chunks) body.append(chunk);
  return body.finish();
}

/** A body being filled. The binary part starts an allocation of its own, so that its first tensor is aligned. */
class BodyBuffer {
  readonly #json: Buffer;
  readonly #binary: Uint8Array | undefined;
  #filled = 0;

  constructor(sizeBytes: number, jsonLength: number | undefined, allocate: Allocate) {
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
    this.#json.set(chunk.subarray(0, toJson), this.#filled - (toJson === 0 ? this.#filled : 0));
    this.#binary?.set(chunk.subarray(toJson), this.#filled + toJson - this.#json.byteLength);
    this.#filled += chunk.byteLength;
  }

  finish(): InferenceBody {
    return { json: this.#json, binary: this.#binary };
  }
}

function encodingOf(request: IncomingMessage): string {
  return (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
}

function decoded(request: IncomingMessage): Readable {
  const encoding = encodingOf(request);
  if (encoding === 'identity') return request;
  if (encoding !== 'gzip' && encoding !== 'deflate') {
    throw new CoveyError('UNSUPPORTED', `Content-Encoding ${encoding}: use gzip, deflate or none`);
  }
  const decoder = encoding === 'gzip' ? createGunzip() : createInflate();
  request.once('error', (error) => decoder.destroy(error));
  return request.pipe(decoder);
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
    stream.once('end', resolve);
    stream.once('error', (cause: Error) => {
      reject(new CoveyError('INPUT_INVALID', `the body cannot be read: ${cause.message}`, { cause }));
    });
    stream.once('close', () => reject(new CoveyError('INPUT_INVALID', 'the body ended too early')));
  });
}

function tooLarge(what: string, limitBytes: number): CoveyError {
  return new CoveyError('PAYLOAD_TOO_LARGE', `${what}, the limit is ${limitBytes}`);
}
