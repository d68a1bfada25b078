import { CoveyError, limits } from '@covey/protocol';

/** Bytes of messages in memory at a time, over all calls. */
const heldBytesLimit = 2 * limits.inferenceBodyBytes;
/** Sizes are rounded up to this, so that messages that differ in an id take each other's memory. */
const granuleBytes = 4_096;
/** Memory of the sizes last seen, kept for the next: fresh memory costs more than the copy into it. */
const sparesKept = 4;
/** Larger memory is not kept. */
const spareBytes = 4 * 1024 * 1024;

/** What a call holds: bytes that are counted, and memory that may be used again. */
export interface Lease {
  /**
   * Memory over a SharedArrayBuffer, so that inputs in it reach the model's thread without a copy. What it holds is
   * arbitrary. Errors: OVERLOADED.
   */
  take(sizeBytes: number): Uint8Array<SharedArrayBuffer>;
  /** Counts bytes that are held already and cannot be refused any more. */
  count(sizeBytes: number): void;
  /** Gives everything back. `reusable`: nobody looks at the memory any more. */
  release(reusable: boolean): void;
}

/** Memory of messages, bounded over all calls. */
export interface MessageMemory {
  lease(): Lease;
}

export function createMessageMemory(): MessageMemory {
  let heldBytes = 0;
  const spares: SharedArrayBuffer[] = [];
  const allocate = (sizeBytes: number) => {
    const found = spares.findIndex(({ byteLength }) => byteLength === sizeBytes);
    return (found < 0 ? undefined : spares.splice(found, 1)[0]) ?? new SharedArrayBuffer(sizeBytes);
  };
  const keep = (buffer: SharedArrayBuffer) => {
    if (buffer.byteLength <= spareBytes && spares.push(buffer) > sparesKept) spares.shift();
  };
  return {
    lease: () => {
      let ownBytes = 0;
      const taken: SharedArrayBuffer[] = [];
      const count = (sizeBytes: number) => {
        heldBytes += sizeBytes;
        ownBytes += sizeBytes;
      };
      return {
        count,
        take: (sizeBytes) => {
          if (heldBytes + sizeBytes > heldBytesLimit) {
            throw new CoveyError('OVERLOADED', 'too many large requests are being read; try again shortly');
          }
          const buffer = allocate(Math.max(1, Math.ceil(sizeBytes / granuleBytes)) * granuleBytes);
          count(sizeBytes);
          taken.push(buffer);
          return new Uint8Array(buffer, 0, sizeBytes);
        },
        release: (reusable) => {
          heldBytes -= ownBytes;
          ownBytes = 0;
          if (reusable) taken.forEach(keep);
          taken.length = 0;
        },
      };
    },
  };
}
