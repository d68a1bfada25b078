import { gunzip } from 'node:zlib';
import { CoveyError, limits } from '@covey/protocol';
import type { Lease } from './memory.ts';

/** Largest message: tensors, and what describes them. */
const maxMessageBytes = limits.inferenceBodyBytes + limits.inferenceHeaderBytes;

const prefixBytes = 5;

/** A message as it arrived: perhaps compressed. */
export interface Frame {
  compressed: boolean;
  bytes: Uint8Array<SharedArrayBuffer>;
  /** Holds the bytes. */
  lease: Lease;
}

/** Puts messages together from the bytes of a call (PROTOCOL-HTTP2.md, "Length-Prefixed-Message"). */
export class FrameReader {
  readonly #lease: () => Lease;
  readonly #prefix = Buffer.alloc(prefixBytes);
  #prefixFilled = 0;
  #frame: Frame | undefined;
  #filled = 0;

  constructor(lease: () => Lease) {
    this.#lease = lease;
  }

  /** The messages that `chunk` completes. Errors: PAYLOAD_TOO_LARGE, OVERLOADED, WIRE_MALFORMED. */
  *read(chunk: Buffer): Generator<Frame> {
    let offset = 0;
    while (offset < chunk.byteLength) {
      if (this.#frame === undefined) {
        const copied = chunk.copy(
          this.#prefix,
          this.#prefixFilled,
          offset,
          offset + prefixBytes - this.#prefixFilled,
        );
        offset += copied;
        this.#prefixFilled += copied;
        if (this.#prefixFilled < prefixBytes) return;
        this.#frame = this.#open();
        this.#filled = 0;
      }
      const { bytes } = this.#frame;
      // Not `set`, which copies into shared memory byte by byte where the two are not aligned alike: 0.23 ms for 0.9 MB, not 0.02.
      const copied = chunk.copy(bytes, this.#filled, offset, offset + bytes.byteLength - this.#filled);
      this.#filled += copied;
      offset += copied;
      if (this.#filled < bytes.byteLength) return;
      const frame = this.#frame;
      this.#frame = undefined;
      this.#prefixFilled = 0;
      yield frame;
    }
  }

  /** A message has begun and is not complete. */
  get isWithin(): boolean {
    return this.#frame !== undefined || this.#prefixFilled > 0;
  }

  /** Gives back the memory of a message that will not be completed. */
  close(): void {
    this.#frame?.lease.release(true);
    this.#frame = undefined;
  }

  #open(): Frame {
    const flag = this.#prefix[0];
    if (flag !== 0 && flag !== 1)
      throw new CoveyError('WIRE_MALFORMED', `the flag of a gRPC message is 0 or 1, not ${flag}`);
    const sizeBytes = this.#prefix.readUInt32BE(1);
    if (sizeBytes > maxMessageBytes) throw tooLarge(sizeBytes);
    const lease = this.#lease();
    return { compressed: flag === 1, bytes: lease.take(sizeBytes), lease };
  }
}

/** What goes before a message that is not compressed. */
export function framePrefix(sizeBytes: number): Buffer {
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(sizeBytes, 1);
  return prefix;
}

/**
 * A message's own bytes. Only gzip says how large it becomes, and is held to it. Errors: WIRE_MALFORMED, PAYLOAD_TOO_LARGE,
 * OVERLOADED, UNSUPPORTED (another encoding).
 */
export async function decompressed(
  { compressed, bytes, lease }: Frame,
  encoding: string | undefined,
): Promise<Uint8Array> {
  if (!compressed) return bytes;
  if (encoding !== 'gzip')
    throw new CoveyError('UNSUPPORTED', `grpc-encoding ${encoding}: use gzip or identity`);
  const sizeBytes = gzipSize(bytes);
  if (sizeBytes > maxMessageBytes) throw tooLarge(sizeBytes);
  const target = lease.take(sizeBytes);
  const content = await new Promise<Buffer>((resolve, reject) => {
    gunzip(bytes, { maxOutputLength: Math.max(1, sizeBytes) }, (error, result) =>
      error ? reject(malformed(error)) : resolve(result),
    );
  });
  if (content.byteLength !== sizeBytes) throw malformed();
  target.set(content);
  return target;
}

/** ISIZE (RFC 1952, 2.3.1): the last four bytes. */
function gzipSize(bytes: Uint8Array): number {
  if (bytes.byteLength < 18) throw malformed();
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(bytes.byteLength - 4, true);
}

function malformed(cause?: Error): CoveyError {
  return new CoveyError('WIRE_MALFORMED', 'the message is not the gzip data it should be', { cause });
}

function tooLarge(sizeBytes: number): CoveyError {
  return new CoveyError(
    'PAYLOAD_TOO_LARGE',
    `the message has ${sizeBytes} bytes, the limit is ${maxMessageBytes}`,
  );
}
