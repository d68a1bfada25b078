import { sharedMemory } from '../tensors/index.ts';

/** Buffers kept for the next batch. */
const kept = 4;
/** A kept buffer serves what needs at least this share of it. */
const leastUse = 1 / 8;

/** Shared memory for joined inputs, used again: fresh pages cost more than the copy into them. */
export class BatchMemory {
  readonly #free: ArrayBufferLike[] = [];

  take(sizeBytes: number): ArrayBufferLike {
    const at = this.#free.findIndex(
      ({ byteLength }) => byteLength >= sizeBytes && sizeBytes >= byteLength * leastUse,
    );
    const [found] = at < 0 ? [] : this.#free.splice(at, 1);
    // A quarter more, so that the next batch, a little larger, fits too.
    return found ?? sharedMemory(Math.ceil(sizeBytes * 1.25));
  }

  /** Only for memory that no thread can still read. */
  giveBack(memory: ArrayBufferLike): void {
    this.#free.push(memory);
    if (this.#free.length > kept) this.#free.shift();
  }
}
